"""`forkctl export`."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.completing import fork_names
from forkctl.cli.opened import opened_tree
from forkctl.forks import history
from forkctl.output import print_json


@click.command()
@click.argument("fork", shell_complete=fork_names)
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(path_type=Path, file_okay=False),
    help="[default: FORK-patches]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the files as JSON.")
def export(fork: str, output: Path | None, as_json: bool) -> None:
    """Write the applied series of FORK as git format-patch files and one combined diff."""
    with opened_tree(fork) as (repo, state):
        written = history.export(repo, state, output or Path(f"{fork}-patches"))
    if as_json:
        print_json([str(path) for path in written])
    else:
        for path in written:
            click.echo(path)
