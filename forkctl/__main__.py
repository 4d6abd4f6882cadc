"""`python -m forkctl` and the `forkctl` script."""

from __future__ import annotations

import sys


def run() -> None:
    from forkctl.cli import main

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
