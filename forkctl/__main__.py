"""`python -m forkctl` and the `forkctl` script."""

from __future__ import annotations

import gc
import sys


def run() -> None:
    gc.set_threshold(50_000)  # what imports create is not garbage: a no-op is 5 % quicker
    from forkctl.cli import main

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
