"""`forkctl apply`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import ExitCode, UsageError
from forkctl.forks.manifest import load
from forkctl.forks.workspace import find_workspace, locked
from forkctl.output import error_json, print_failures, print_json, print_table
from forkctl.patching.series import apply as patching_apply


@click.command()
@click.argument("forks", nargs=-1, shell_complete=fork_names)
@click.option("--all", "every", is_flag=True, help="All forks, not only the default ones.")
@click.option("--without", multiple=True, metavar="PATCH", help="Leave this patch out.")
@click.option(
    "--locked", "lock_rules", is_flag=True, help="Refuse what forks.lock does not record."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def apply(
    forks: Sequence[str], every: bool, without: Sequence[str], lock_rules: bool, as_json: bool
) -> int:
    """Put overlays and patches on the pinned revision.

    The same inputs give the same commit on every machine. A tree with work of your own in it stays
    as it is.
    """
    workspace = find_workspace()
    manifest = load(workspace.manifest)
    chosen = manifest.choose(forks, every=every)
    if without and len(chosen) != 1:
        raise UsageError("--without takes one fork at a time", hint="name the fork")
    with locked(workspace, "forkctl apply") as children:
        results = patching_apply.apply(
            workspace, manifest, chosen, children, without=without, locked=lock_rules
        )
    failures = [(result.fork.name, result.error) for result in results if result.error]
    if as_json:
        print_json([_as_json(result) for result in results])
    else:
        print_table(
            ("fork", "apply", "in series", "commit", "note"),
            [
                (
                    r.fork.name,
                    r.outcome.value,
                    str(r.patches) if r.state else "-",
                    r.state.head[:12] if r.state else "-",
                    r.note,
                )
                for r in results
            ],
        )
        print_failures(failures)
    return ExitCode.USER_MUST_ACT if failures else ExitCode.DONE


def _as_json(result: patching_apply.ApplyResult) -> dict[str, object]:
    state = result.state
    return {
        "fork": result.fork.name,
        "outcome": result.outcome.value,
        "commit": state.head if state else None,
        "tree": state.tree if state else None,
        "without": list(state.without) if state else [],
        "note": result.note,
        "error": error_json(result.error),
    }
