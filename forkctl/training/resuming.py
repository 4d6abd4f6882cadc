"""Go on with a run that ended early: in its own folder, with upstream's own resume."""

from __future__ import annotations

from pathlib import Path

from forkctl.configs import read_config
from forkctl.environments.environment import Environment
from forkctl.environments.proving import process_environment
from forkctl.errors import ForkctlError, UsageError
from forkctl.family import Launcher
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import open_fork_tree
from forkctl.training import metrics, records
from forkctl.training.records import Run
from forkctl.training.running import DEFAULTS, follow
from forkctl.training.view import View


def resume_run(workspace: Workspace, fork: Fork, launcher: Launcher, run: Run, view: View) -> Run:
    """Everything must be as it was: the same tree, environment and config."""
    record = run.record
    if run.status in (records.RUNNING, records.FINISHED):
        raise UsageError(f"the run is {run.status}", where=run.id)
    tree = open_fork_tree(workspace, fork)
    changes = tree.changes()
    if tree.state.tree != record.fork_state["tree"] or changes:
        raise ForkctlError(
            f"the fork is at tree {tree.state.tree[:12]}"
            + (" with changes" if changes else "")
            + f", the run was made by {record.fork_state['tree'][:12]}",
            where=run.id,
            hint="bring the fork back to it, or start a new run from the last checkpoint",
        )
    prefix = Path(record.environment["prefix"])
    python = Path(record.command[0])
    if not python.exists():
        raise ForkctlError(
            "its environment is gone",
            where=str(prefix),
            hint=f"forkctl env create {record.fork} --profile {record.environment['profile']}",
        )
    config = read_config(run.config)
    arguments = launcher.arguments(config, run.config, resume=True)
    given = launcher.arguments(config, run.config, resume=False)
    start = 2 + len(launcher.wrapper(config))  # Python, the wrapper, the script
    # the command of a run that was resumed before is a resuming one already
    extra = record.command[start + len(arguments if record.resumed else given) :]
    resumed = run.update(
        command=(*record.command[:start], *arguments, *extra),
        status=records.RUNNING,
        reason=None,
        finished=None,
        resumed=record.resumed + 1,
    )
    variables = {
        **DEFAULTS,
        **process_environment(Environment(prefix, python), tree.path),
        metrics.VARIABLE: str(resumed.metrics),
    }
    return follow(launcher, resumed, config, variables, view)
