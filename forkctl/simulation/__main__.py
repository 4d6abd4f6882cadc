"""What runs as a process in the simulator's environment; each command answers in JSON lines."""

from __future__ import annotations

import json
import sys
from typing import Any


def main(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command == "probe":
        from forkctl.simulation.probe import probe

        print(json.dumps(probe()))
        return 0
    if command == "demos":
        return _demos(json.load(sys.stdin))
    print(f"python -m forkctl.simulation: no command {command!r}", file=sys.stderr)
    return 2


def _demos(asked: dict[str, Any]) -> int:
    from forkctl.errors import ForkctlError
    from forkctl.simulation.demos import as_line, make_demos
    from forkctl.simulation.request import DemoRequest

    lines = sys.stdout
    sys.stdout = sys.stderr  # LIBERO and robosuite print what they like
    try:
        for made in make_demos(DemoRequest.from_json(asked)):
            print(as_line(made), file=lines, flush=True)
    except ForkctlError as error:
        said = {"message": error.message, "where": error.where, "hint": error.hint}
        print(json.dumps({"kind": "error", **said}), file=lines, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
