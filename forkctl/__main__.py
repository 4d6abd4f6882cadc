"""`python -m forkctl` and the `forkctl` script."""

from __future__ import annotations

import gc
import sys


def run() -> None:
    gc.set_threshold(50_000)  # what imports create is not garbage: a no-op is 5 % quicker
    try:
        from forkctl.cli import main

        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # while that was imported, or for the second time
        sys.stderr.write("Interrupted. Run the same command again to finish the work.\n")
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
