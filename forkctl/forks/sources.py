"""Where a fork's pin comes from: an upstream repository or a source package."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forkctl.forks.cache import Fetcher, ensure_pin
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork, GitSource
from forkctl.forks.processes import Children
from forkctl.forks.sdist import ensure_release


def fetch_source(
    fork: Fork,
    mirrors: Sequence[tuple[str, str]],
    children: Children,
    offline: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Repository, str]:
    """A cached repository that holds the fork's pin, and the pin's commit id."""
    fetcher = Fetcher(children, mirrors, offline, progress)
    if isinstance(fork.source, GitSource):
        repo = ensure_pin(fetcher, fork.source.url, fork.source.revision, fork.sparse)
        return repo, fork.source.revision
    return ensure_release(fetcher, fork.source)
