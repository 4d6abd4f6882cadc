"""The outcome of indexing as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from forkctl.libero.files.indexing import Indexed
from forkctl.output import print_failures, print_table


def print_indexed(indexed: Sequence[Indexed]) -> None:
    found = [(item.path.name, item.index, item.fresh) for item in indexed if item.index is not None]
    print_table(
        ("file", "demos", "steps", "alignment", "index"),
        [
            (name, len(index.demos), index.steps, index.alignment or "unclear", _state(fresh))
            for name, index, fresh in found
        ],
    )
    fresh = sum(item.fresh for item in indexed)
    failures = [(item.path.name, item.error) for item in indexed if item.error is not None]
    click.echo(f"{len(found) - fresh} made, {fresh} fresh, {len(failures)} failed")
    print_failures(failures)


def to_json(item: Indexed) -> dict[str, Any]:
    if item.index is None:
        return {"path": str(item.path), "error": str(item.error)}
    return {
        "path": str(item.path),
        "demos": len(item.index.demos),
        "steps": item.index.steps,
        "alignment": item.index.alignment,
        "fresh": item.fresh,
    }


def _state(fresh: bool) -> str:
    return "fresh" if fresh else "made"
