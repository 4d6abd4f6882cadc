"""What both reports are made of: the page around the sections, and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from forkctl import __version__


def page(title: str, sections: Iterable[str]) -> str:
    """The whole file."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body>{''.join(sections)}</body></html>\n"
    )


def facts(rows: Mapping[str, str]) -> str:
    body = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows.items())
    return f"<dl class='facts'>{body}</dl>"


def html_table(head: str, rows: Sequence[str]) -> str:
    body = f"<tbody>{''.join(rows)}</tbody>"
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>{body}</table></div>'


def origin(setup: Mapping[str, Any]) -> str:
    """How the numbers came about, at the end of the page."""
    text = escape(json.dumps(setup, indent=1, sort_keys=True))
    return (
        f"<details><summary>Setup</summary><pre>{text}</pre></details>"
        f"<p class='soft'>Made with forkctl {__version__}.</p>"
    )
