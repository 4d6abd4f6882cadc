"""`forkctl doctor`."""

from __future__ import annotations

import click

from forkctl.checks import any_failed
from forkctl.environments.doctor import doctor as run_checks
from forkctl.errors import ExitCode, UsageError
from forkctl.forks.manifest import Manifest, load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import Workspace, ended_with_the_command, find_workspace
from forkctl.output import checks_as_json, print_checks, print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def doctor(as_json: bool) -> int:
    """Check git, cache, disk, mirrors, uv, Python, GPU and the simulator."""
    workspace, manifest = _workspace()
    with ended_with_the_command(Children()) as children:
        checks = run_checks(workspace, manifest, children)
    if as_json:
        print_json(checks_as_json(checks))
    else:
        print_checks(checks)
    return ExitCode.USER_MUST_ACT if any_failed(checks) else ExitCode.DONE


def _workspace() -> tuple[Workspace | None, Manifest | None]:
    """Doctor also works outside of a workspace."""
    try:
        workspace = find_workspace()
    except UsageError:
        return None, None
    return workspace, load(workspace.manifest)
