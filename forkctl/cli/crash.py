"""A log of an unexpected failure, for the user to paste into a report."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from forkctl import __version__


def write_crash_log(argv: Sequence[str], error: BaseException) -> Path:
    from forkctl.training.secrets import masked

    lines = [
        f"forkctl {__version__}, Python {sys.version.split()[0]}, {platform.platform()}",
        "command: forkctl " + " ".join(masked(argv)),
        "",
        *traceback.format_exception(error),
    ]
    with tempfile.NamedTemporaryFile(
        "w", prefix="forkctl-crash-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.write("\n".join(lines))
    return Path(log.name)
