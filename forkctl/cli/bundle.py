"""`forkctl bundle`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import UsageError
from forkctl.forks.bundle import read_bundle, write_bundle
from forkctl.forks.manifest import load
from forkctl.forks.workspace import find_workspace, locked


@click.command()
@click.argument("forks", nargs=-1, shell_complete=fork_names)
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a bundle to this file.",
)
@click.option(
    "--load",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Load a bundle into the cache.",
)
@click.option("--offline", is_flag=True, help="Use the cache only.")
def bundle(forks: Sequence[str], output: Path | None, source: Path | None, offline: bool) -> None:
    """Carry the pins of FORKS (or all) to a machine without network.

    On that machine: `forkctl bundle --load FILE && forkctl sync --offline`.
    """
    if (output is None) == (source is None):
        raise UsageError(
            "give exactly one of -o and --load",
            hint="`forkctl bundle -o FILE` here, `forkctl bundle --load FILE` on the other machine",
        )
    workspace = find_workspace()
    manifest = load(workspace.manifest)
    chosen = manifest.choose(forks, every=True)
    with locked(workspace, "forkctl bundle") as children:
        if output is not None:
            count = write_bundle(manifest, chosen, children, output, offline)
            click.echo(f"{output}: {count} forks, {output.stat().st_size / 2**20:.1f} MiB")
        if source is not None:
            taken = read_bundle(manifest, chosen, children, source)
            click.echo(f"loaded into the cache: {', '.join(taken) or 'nothing'}")
