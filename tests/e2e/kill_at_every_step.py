"""Run a forkctl command and SIGKILL it right before its n-th change of anything on disk.

    python tests/e2e/kill_at_every_step.py N COMMAND…

Python tells an audit hook about each rename, removal, creation and child process before it
happens; there is no moment between two of them at which the disk would look different. Exits 0
when the command ended before it came to the n-th.
"""

from __future__ import annotations

import os
import signal
import sys

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate"}


def main(limit: int, commands: list[str]) -> int:
    seen = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event == "open":
            flags = arguments[2]
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
            if not writes or str(arguments[0]).endswith((".pyc", ".pyo")):
                return
        elif event not in _CHANGES and event != "subprocess.Popen":
            return
        seen += 1
        if seen == limit:
            os.kill(os.getpid(), signal.SIGKILL)

    from forkctl.cli import main as forkctl

    sys.dont_write_bytecode = True
    sys.addaudithook(count)
    code = 0
    for command in commands:
        code = code or forkctl(command.split())
    return code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
