"""`forkctl diff` and `forkctl export`: what is applied in a fork's tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import ForkctlError
from forkctl.forks import applied_patches
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import open_tree
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.state import TreeState, state_of
from forkctl.forks.workspace import ended_with_the_command, find_workspace
from forkctl.output import print_json


@click.command()
@click.argument("fork", shell_complete=fork_names)
@click.argument("patch", required=False)
def diff(fork: str, patch: str | None) -> None:
    """Show what the applied series of FORK, or one PATCH of it, changes."""
    with _opened(fork) as (repo, state):
        colour = sys.stdout.isatty()
        click.echo(applied_patches.diff(repo, state, patch, colour=colour), nl=False)


@click.command()
@click.argument("fork", shell_complete=fork_names)
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to. [default: FORK-patches]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the paths as JSON.")
def export(fork: str, output: Path | None, as_json: bool) -> None:
    """Write the applied series of FORK as git format-patch files and one combined diff."""
    with _opened(fork) as (repo, state):
        written = applied_patches.export(repo, state, output or Path(f"{fork}-patches"))
    if as_json:
        print_json([str(path) for path in written])
    else:
        for path in written:
            click.echo(path)


@contextmanager
def _opened(name: str) -> Iterator[tuple[Repository, TreeState]]:
    workspace = find_workspace()
    fork = load(workspace.manifest).fork(name)
    state = state_of(workspace, fork.name)
    if state is None:
        raise ForkctlError("is not laid out yet", where=name, hint=f"forkctl sync {name}")
    with ended_with_the_command(Children()) as children:
        yield open_tree(workspace, fork.name, children), state
