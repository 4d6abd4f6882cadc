"""`forkctl clean`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import ExitCode, ForkctlError
from forkctl.forks import clean as forks_clean
from forkctl.forks.manifest import load
from forkctl.forks.workspace import find_workspace, locked
from forkctl.output import print_failures


@click.command()
@click.argument("forks", nargs=-1, required=True, shell_complete=fork_names)
def clean(forks: Sequence[str]) -> int:
    """Remove the trees of FORKS, unless they hold work of your own.

    The cache stays, so `forkctl sync` brings a tree back without network.
    """
    workspace = find_workspace()
    chosen = load(workspace.manifest).choose(forks, every=False)
    failures: list[tuple[str, ForkctlError]] = []
    with locked(workspace, "forkctl clean") as children:
        for fork in chosen:
            try:
                removed = forks_clean.clean(workspace, fork.name, children)
                click.echo(f"{fork.name}: {'removed' if removed else 'is not laid out'}")
            except ForkctlError as error:
                failures.append((fork.name, error))
    print_failures(failures)
    return ExitCode.USER_MUST_ACT if failures else ExitCode.DONE
