"""`forkctl sync`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import ExitCode
from forkctl.forks import sync as forks_sync
from forkctl.forks.manifest import load
from forkctl.forks.workspace import find_workspace, locked
from forkctl.output import error_json, print_failures, print_json, print_table


@click.command()
@click.argument("forks", nargs=-1, shell_complete=fork_names)
@click.option("--all", "every", is_flag=True, help="All forks, not only the default ones.")
@click.option("--offline", is_flag=True, help="Use the cache only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def sync(forks: Sequence[str], every: bool, offline: bool, as_json: bool) -> int:
    """Fetch pinned revisions and lay out forks/<name>.

    Without names: the default forks of forks.toml.
    """
    workspace = find_workspace()
    manifest = load(workspace.manifest)
    chosen = manifest.choose(forks, every=every)
    with locked(workspace, "forkctl sync") as children, _progress() as progress_for:
        results = forks_sync.sync(
            workspace, manifest, chosen, children, offline=offline, progress=progress_for
        )
    failures = [(result.fork.name, result.error) for result in results if result.error]
    if as_json:
        print_json(
            [
                {
                    "fork": result.fork.name,
                    "outcome": result.outcome.value,
                    "pin": result.pin,
                    "error": error_json(result.error),
                }
                for result in results
            ]
        )
    else:
        print_table(
            ("fork", "sync", "pin", "from"),
            [
                (r.fork.name, r.outcome.value, (r.pin or "-")[:12], str(r.fork.source))
                for r in results
            ],
        )
        print_failures(failures)
    return ExitCode.USER_MUST_ACT if failures else ExitCode.DONE


def _progress() -> AbstractContextManager[forks_sync.ProgressFor]:
    if sys.stderr.isatty():
        from forkctl.cli.progress import Bars

        return Bars()
    return nullcontext(lambda name: None)
