"""`forkctl save`."""

from __future__ import annotations

import click

from forkctl.cli.completing import fork_names
from forkctl.forks.manifest import load
from forkctl.forks.workspace import find_workspace, locked
from forkctl.output import print_json
from forkctl.patching.series import save as patching_save


@click.command()
@click.argument("fork", shell_complete=fork_names)
@click.option("--series", help="The series to add to. [default: the fork's last]")
@click.option("--for-all", is_flag=True, help="For every fork of the series, not only this one.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def save(fork: str, series: str | None, for_all: bool, as_json: bool) -> None:
    """Turn your commits on top of FORK into numbered plain patches, and apply the fork again.

    The tree stays the same; your own commits are kept under refs/forkctl/saved/.
    """
    workspace = find_workspace()
    manifest = load(workspace.manifest)
    chosen = manifest.fork(fork)
    with locked(workspace, "forkctl save") as children:
        saved = patching_save.save(
            workspace, manifest, chosen, children, series=series, for_all=for_all
        )
    paths = [str(path.relative_to(workspace.root)) for path in saved.patches]
    if as_json:
        print_json({"fork": fork, "patches": paths, "commit": saved.state.head})
    elif paths:
        for path in paths:
            click.echo(path)
        click.echo(f"{fork} is applied again, at {saved.state.head[:12]}")
    else:
        click.echo(f"{fork} has no commits of your own on top")
