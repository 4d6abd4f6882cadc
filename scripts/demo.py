"""`make demo`: the main job, end to end and small, told in the terminal.

Every step is a forkctl command, printed before it runs, so that it can be typed again. Runs that
have finished are not repeated. The stories are in demo_NAME.py, one for each family of forks;
story.py says how to write another.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from story import Story

# Forks whose story another fork tells; any other fork has a module of its own.
TOLD_BY = {"droid": "robomimic", "robomimic-release": "robomimic"}


def stories() -> list[str]:
    """Every fork with a story, by what lies beside this file."""
    own = {path.stem[len("demo_") :] for path in Path(__file__).parent.glob("demo_*.py")}
    return sorted(own | {fork for fork, teller in TOLD_BY.items() if teller in own})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--fork",
        choices=stories(),
        default="robomimic",
        help="default: robomimic, or its release where GitHub is out of reach",
    )
    fork = parser.parse_args().fork
    importlib.import_module(f"demo_{TOLD_BY.get(fork, fork)}").tell(Story(), fork)


if __name__ == "__main__":
    main()
