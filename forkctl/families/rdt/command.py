"""`forkctl data verify-rdt`: are RDT's numbers in metres and radians?"""

from __future__ import annotations

from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import click

from forkctl.checks import CheckStatus
from forkctl.families.rdt.verification import Verification, verify_file, verify_folder
from forkctl.output import print_checks, print_json, print_table

_SEVERITIES = {CheckStatus.OK: "ok", CheckStatus.WARNING: "warning", CheckStatus.FAILED: "error"}


@click.command("verify-rdt")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--representation",
    type=click.Choice(["delta", "velocity", "absolute"]),
    help="Default: delta for LIBERO files; for a dataset_stat.json, what it looks like.",
)
@click.option("--name", help="Data set in a dataset_stat.json. Default: the one with actions.")
@click.option(
    "--alignment",
    type=click.Choice(["auto", "raw", "aligned"]),
    default="auto",
    show_default=True,
    help="raw: obs[t] goes with actions[t+1].",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_rdt(
    path: Path, representation: str | None, name: str | None, alignment: str, as_json: bool
) -> int:
    """Say whether the actions that RDT would be trained on are in metres and radians.

    PATH is a LIBERO file or folder, or a dataset_stat.json. Exits with 1 if they are not.
    """
    if path.suffix == ".json":
        found = verify_file(path, name, representation)
    else:
        found = verify_folder(path, representation or "delta", alignment)
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)
    return 1 if found.failed else 0


def _print(found: Verification) -> None:
    click.echo(f"{found.name}, {found.representation}")
    numbers = ("min", "max", "mean", "std")
    print_table(
        ("slot", "dimension", "unit", *numbers),
        [
            (each.slot, each.name, each.unit, *map(_number, astuple(each)[-len(numbers) :]))
            for each in found.slots
        ],
    )
    if found.round_trip is not None:
        click.echo(f"LIBERO -> RDT -> LIBERO: within {found.round_trip:.1g}")
    print_checks(found.checks)


def _as_json(found: Verification) -> dict[str, Any]:
    return {
        "name": found.name,
        "representation": found.representation,
        "rows": [asdict(each) for each in found.slots],
        "remarks": [
            {"severity": _SEVERITIES[check.status], "text": f"{check.subject}: {check.text}"}
            for check in found.checks
        ],
        "round_trip": found.round_trip,
    }


def _number(value: float) -> str:
    return f"{value:.4f}"
