"""`forkctl which`."""

from __future__ import annotations

from dataclasses import asdict

import click

from forkctl.errors import ExitCode
from forkctl.forks import which as forks_which
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import ended_with_the_command, find_workspace
from forkctl.output import print_json


@click.command()
@click.argument("commit_or_tree")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def which(commit_or_tree: str, as_json: bool) -> int:
    """Find the fork, revision and patches that made a commit or tree."""
    workspace = find_workspace()
    forks = load(workspace.manifest).forks
    with ended_with_the_command(Children()) as children:
        found = forks_which.which(workspace, forks, children, commit_or_tree)
    if as_json:
        print_json([asdict(origin) for origin in found])
    for origin in [] if as_json else found:
        click.echo(f"{origin.fork}, found in {origin.found_in}")
        for title, value in (
            ("commit", origin.commit),
            ("tree", origin.tree),
            ("upstream", origin.upstream),
            ("note", origin.note),
            *(("patch", patch) for patch in origin.patches),
        ):
            if value:
                click.echo(f"  {title:<9}{value}")
    if not found:
        click.echo(f"no fork here has the commit or tree {commit_or_tree}", err=True)
    return ExitCode.DONE if found else ExitCode.USER_MUST_ACT
