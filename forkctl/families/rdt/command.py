"""`forkctl data verify-rdt`: are RDT's numbers in metres and radians?"""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("verify-rdt")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--representation",
    type=click.Choice(["delta", "velocity", "absolute"]),
    help="Default: delta for LIBERO files, what it looks like for a dataset_stat.json.",
)
@click.option("--name", help="Data set in a dataset_stat.json. Default: the one with actions.")
@click.option(
    "--alignment",
    type=click.Choice(["auto", "raw", "aligned"]),
    default="auto",
    show_default=True,
    help="raw: obs[t] goes with actions[t+1].",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def verify_rdt(
    path: Path, representation: str | None, name: str | None, alignment: str, as_json: bool
) -> int:
    """Say whether the actions that RDT would be trained on are in metres and radians.

    PATH is a LIBERO file or folder, or a dataset_stat.json. Exit code 1 when they are not.
    """
    from forkctl.families.rdt.physical_units import ERROR
    from forkctl.families.rdt.table import as_data, print_verification
    from forkctl.families.rdt.verification import verify_file, verify_folder

    if path.suffix == ".json":
        found = verify_file(path, name, representation)
    else:
        found = verify_folder(path, representation or "delta", alignment)
    if as_json:
        click.echo(json.dumps(as_data(found), indent=2))
    else:
        print_verification(found)
    return 1 if any(remark.severity == ERROR for remark in found.remarks) else 0
