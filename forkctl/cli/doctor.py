"""`forkctl doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from forkctl.errors import ExitCode, UsageError
from forkctl.forks import doctor as forks_doctor
from forkctl.forks.manifest import Manifest, load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import Workspace, ended_with_the_command, find_workspace
from forkctl.output import print_json, print_table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def doctor(as_json: bool) -> int:
    """Look at git, cache, disk, mirrors, uv, Python, GPU and the simulator."""
    workspace, manifest = _workspace()
    with ended_with_the_command(Children()) as children:
        findings = forks_doctor.doctor(workspace, manifest, children)
    if workspace is not None:
        findings += _simulator(workspace)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table(("about", "verdict", "says"), [(f.about, f.verdict, f.says) for f in findings])
    bad = any(finding.verdict == "bad" for finding in findings)
    return ExitCode.USER_MUST_ACT if bad else ExitCode.DONE


def _simulator(workspace: Workspace) -> list[forks_doctor.Finding]:
    from forkctl.environments.simulator import examine_simulator

    return [forks_doctor.Finding("simulator", *said) for said in examine_simulator(workspace)]


def _workspace() -> tuple[Workspace | None, Manifest | None]:
    """Doctor also works outside of a workspace."""
    try:
        workspace = find_workspace()
    except UsageError:
        return None, None
    return workspace, load(workspace.manifest)
