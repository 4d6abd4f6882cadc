"""Go on with a run that ended early: in its own folder, with upstream's own resume."""

from __future__ import annotations

from pathlib import Path

from forkctl.configs import read_config
from forkctl.environments.environment import Environment
from forkctl.environments.proving import process_environment
from forkctl.errors import ForkctlError, UsageError
from forkctl.family import launcher_for
from forkctl.forks import manifest
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import ForkTree, entrypoint, open_fork_tree
from forkctl.training import metrics, records
from forkctl.training.records import Run
from forkctl.training.running import DEFAULTS, follow
from forkctl.training.view import View


def prepare(workspace: Workspace, run: Run) -> tuple[Run, Environment, ForkTree]:
    """Everything must be as it was: the same tree, environment and config."""
    record = run.record
    if run.status in (records.RUNNING, records.FINISHED):
        raise UsageError(f"the run is {run.status}", where=run.id)
    fork = manifest.load(workspace.manifest).fork(record.fork)
    tree = open_fork_tree(workspace, fork)
    if tree.state.tree != record.fork_state["tree"] or tree.changes():
        raise ForkctlError(
            f"the fork is at tree {tree.state.tree[:12]}"
            + (" with changes" if tree.changes() else "")
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
    launcher = launcher_for(entrypoint(fork).kind)
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
    return resumed, Environment(prefix, python), tree


def resume_run(workspace: Workspace, run: Run, view: View) -> Run:
    resumed, environment, tree = prepare(workspace, run)
    variables = {
        **DEFAULTS,
        **process_environment(environment, tree.path),
        metrics.VARIABLE: str(resumed.metrics),
    }
    return follow(launcher_for(entrypoint(tree.fork).kind), resumed, variables, view)
