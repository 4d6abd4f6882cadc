"""Say in one line why a run failed, from how it ended and what it printed last."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

_RANK = re.compile(r"^\[(?:rank|default)\d+\]:\s*")  # torch's launcher puts it before each line
_LAUNCHER = "torch.distributed.elastic."  # says that a rank failed, and not why
_RANK_KILLED = re.compile(r"Signal (\d+) \(SIG\w+\) received by PID")
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Za-z_]*(?:Error|Exception|Interrupt|Exit)\b.*")
# what the log says -> what to do about it
_HINTS = (
    (
        r"CUDA out of memory|OutOfMemoryError",
        "use a smaller batch: --set, with the config's key for it",
    ),
    (r"Bus error|out of shared memory|/dev/shm", "fewer loader workers, or more shared memory"),
    (r"No space left on device", "free some disk space, then `forkctl runs resume`"),
    (r"ModuleNotFoundError|ImportError", "forkctl env check FORK says what the environment lacks"),
    (r"couldn't connect to|Name or service not known", "it wants a file from a network"),
)


def reason(returncode: int, tail: Sequence[str], said: str | None) -> str:
    """`said` is what upstream itself gave as the reason, where it has a form for that."""
    lines = [_RANK.sub("", line.strip()).strip() for line in reversed(tail)]
    exceptions = [line for line in lines if _EXCEPTION.match(line)]
    named = [line for line in exceptions if not line.startswith(_LAUNCHER)]
    exception = next(iter(named or exceptions), None)
    if not named and (killed := _RANK_KILLED.search("\n".join(lines))):
        return "a rank was " + _signal_reason(int(killed[1]))
    if returncode < 0:
        return _signal_reason(-returncode)
    return said or exception or f"the entrypoint exited with {returncode}"


def hint(tail: Sequence[str]) -> str | None:
    text = "\n".join(tail)
    return next((advice for pattern, advice in _HINTS if re.search(pattern, text)), None)


def _signal_reason(number: int) -> str:
    name = signal.Signals(number).name if number in signal.valid_signals() else str(number)
    if number == signal.SIGKILL:
        return "killed by SIGKILL; if you did not send it, the machine ran out of memory"
    return f"ended by {name}"
