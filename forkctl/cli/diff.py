"""`forkctl diff`."""

from __future__ import annotations

import sys

import click

from forkctl.cli.completing import fork_names
from forkctl.cli.opened import opened_tree
from forkctl.forks import history


@click.command()
@click.argument("fork", shell_complete=fork_names)
@click.argument("patch", required=False)
def diff(fork: str, patch: str | None) -> None:
    """Show what the applied series of FORK, or one PATCH of it, changes."""
    with opened_tree(fork) as (repo, state):
        click.echo(history.diff(repo, state, patch, colour=sys.stdout.isatty()), nl=False)
