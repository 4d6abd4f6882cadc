"""One HTML file, complete in itself, that shows a drift report to a person."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def render_heatmap(report: dict[str, Any]) -> str:
    """The page for a report as `report_as_json` gives it."""
    # "<" never stands in the data as itself, so no subject of a commit can end the script element
    data = json.dumps(report, separators=(",", ":")).replace("<", "\\u003c")
    template = files(__package__).joinpath("heatmap.html").read_text(encoding="utf-8")
    return template.replace("__REPORT__", data)
