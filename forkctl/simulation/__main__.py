"""What runs as a process in the simulator's environment; each command answers in JSON lines."""

from __future__ import annotations

import json
import sys


def main(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command == "probe":
        from forkctl.simulation.probe import probe

        print(json.dumps(probe()))
        return 0
    print(f"python -m forkctl.simulation: no command {command!r}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
