from __future__ import annotations

from benchmarks.public_forks.command import main

if __name__ == "__main__":
    raise SystemExit(main())
