"""Where the point's world is, and how to read a record."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
POLICY = HERE / "point_policy.py"
WORLD = HERE / "point_world.py"


def lines_of(record: Path) -> list[dict]:
    """The episodes, without what time says."""
    lines = [json.loads(line) for line in record.read_text().splitlines()[1:]]
    return [{key: line[key] for key in line if key != "seconds"} for line in lines]


def episodes(record: Path) -> dict[tuple[str, int], dict]:
    """By key; no episode may be there twice."""
    lines = lines_of(record)
    found = {(line["task"], line["trial"]): line for line in lines}
    assert len(found) == len(lines)
    return found
