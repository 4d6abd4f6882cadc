"""Where else to fetch an upstream from. A mirror is tried first and never replaces upstream."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from forkctl.errors import UsageError
from forkctl.forks.paths import fault_of_url, redacted

VARIABLE = "FORKCTL_MIRROR"
HOW = (
    f"name a mirror with {VARIABLE}='https://github.com/=file:///mirror/', a [mirrors] table in "
    "forks.toml, or git's own url.<base>.insteadOf"
)


def from_environment() -> tuple[tuple[str, str], ...]:
    """The `prefix=replacement` pairs of the variable, separated by white space."""
    pairs = []
    for word in os.environ.get(VARIABLE, "").split():
        prefix, separator, replacement = word.partition("=")
        fault = fault_of_url(replacement) if separator and prefix else "is not prefix=replacement"
        if fault:
            raise UsageError(
                f"{redacted(word)!r} {fault}",
                where=VARIABLE,
                hint="write, for example, https://github.com/=file:///mirror/",
            )
        pairs.append((prefix, replacement))
    return tuple(pairs)


def places(url: str, mirrors: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Where to try, in order: the mirrors whose prefix matches, then upstream itself."""
    for prefix, replacement in (*from_environment(), *mirrors):
        if url.startswith(prefix):
            yield replacement + url[len(prefix) :]
    yield url
