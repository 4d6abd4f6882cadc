"""`forkctl status`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import ExitCode
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import ended_with_the_command, find_workspace
from forkctl.output import print_json, print_table
from forkctl.patching.series import status as patching_status


@click.command()
@click.argument("forks", nargs=-1, shell_complete=fork_names)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def status(forks: Sequence[str], as_json: bool) -> int:
    """Show how each fork stands and what to type next."""
    workspace = find_workspace()
    chosen = load(workspace.manifest).choose(forks, every=True)
    with ended_with_the_command(Children()) as children:
        rows = patching_status.status(workspace, chosen, children)
    if as_json:
        print_json([_as_json(row) for row in rows])
    else:
        print_table(
            ("fork", "stands", "pin", "commit", "yours", "next"),
            [
                (
                    row.fork.name,
                    row.standing.value,
                    (row.pin or "-")[:12],
                    (row.head or "-")[:12],
                    row.yours,
                    row.next_command,
                )
                for row in rows
            ],
        )
        for row in rows:
            for note in (row.problem, row.stale and f"changed since: {row.stale}"):
                if note:
                    click.echo(f"{row.fork.name}: {note}")
            if row.without:
                click.echo(f"{row.fork.name}: applied without {', '.join(row.without)}")
    return ExitCode.DONE


def _as_json(row: patching_status.ForkStatus) -> dict[str, object]:
    return {
        "fork": row.fork.name,
        "stands": row.standing.value,
        "pin": row.pin,
        "commit": row.head,
        "tree": row.tree,
        "without": list(row.without),
        "own_commits": row.own_commits,
        "changed": list(row.changed),
        "untracked": list(row.untracked),
        "stale": row.stale,
        "problem": row.problem,
        "next": row.next_command,
    }
