"""Write the table of patches into README.md, from the patches themselves.

python scripts/patch_table.py           # after a patch was added or its `why` changed
python scripts/patch_table.py --check   # ends with 1 where the table is not up to date
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from forkctl.patching.model import Patch
from forkctl.patching.reading.loading import all_series, load_series

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- patches: scripts/patch_table.py writes this -->", "<!-- end of patches -->"


def table(patches: Path) -> str:
    lines = ["| patch | what it does, and why |", "|---|---|"]
    for series in all_series(patches):
        for patch in load_series(patches, series):
            lines.append(f"| {_name(patch)} | **{_cell(patch.subject)}.** {_reason(patch)} |")
    return "\n".join(lines)


def _name(patch: Patch) -> str:
    forks = f" ({', '.join(patch.forks)})" if patch.forks else ""
    return f"{patch.series} {patch.name[:4]}{forks}"


def _reason(patch: Patch) -> str:
    """The first sentence of the patch's own `why`."""
    return _cell(re.split(r"(?<=\.)\s", " ".join(patch.why.split()))[0])


def _cell(text: str) -> str:
    return text.strip().rstrip(":").replace("|", "\\|")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    words = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    fresh = f"{before}{BEGIN}\n{table(ROOT / 'patches')}\n{END}{after}"
    if fresh == text:
        return 0
    if words.check:
        print("README.md: its table of patches is old; python scripts/patch_table.py writes it")
        return 1
    README.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
