"""What `forkctl data verify-rdt` found, as a table or as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from forkctl.families.rdt.physical_units import ERROR, OK, WARNING
from forkctl.families.rdt.verification import Verification
from forkctl.output import print_table

_COLOURS = {ERROR: "red", WARNING: "yellow", OK: "green"}


def print_verification(found: Verification) -> None:
    click.echo(f"{found.name}, {found.representation}")
    print_table(
        ("slot", "dimension", "unit", "min", "max", "mean", "std"),
        [
            (row.slot, row.name, row.unit, *map(_number, (row.low, row.high, row.mean, row.std)))
            for row in found.rows
        ],
    )
    if found.round_trip is not None:
        click.echo(f"LIBERO -> RDT -> LIBERO: within {found.round_trip:.1g}")
    for remark in found.remarks:
        mark = click.style(f"{remark.severity:7}", fg=_COLOURS[remark.severity])
        click.echo(f"{mark}  {remark.text}")


def as_data(found: Verification) -> dict[str, Any]:
    return asdict(found)


def _number(value: float) -> str:
    return f"{value:.4f}"
