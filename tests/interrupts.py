"""For commands that a test interrupts."""

from __future__ import annotations

import signal


def hear_interrupts() -> None:
    """For `preexec_fn`: a shell gives its background jobs, and so perhaps the test run, an ignored
    SIGINT, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
