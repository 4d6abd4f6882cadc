"""Go on with a run that ended early: in its own folder, with upstream's own resume."""

from __future__ import annotations

import os
from pathlib import Path

from forkctl.checkpoints.unpickling import check_plain
from forkctl.configs import read_config
from forkctl.environments.binding import bind
from forkctl.environments.environment import Environment
from forkctl.errors import ForkctlError, UsageError
from forkctl.family import Launcher
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import open_fork_tree
from forkctl.training import records
from forkctl.training.command import command_of
from forkctl.training.records import Run
from forkctl.training.running import follow
from forkctl.training.secrets import MASK
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
    if not run.log.exists():
        raise UsageError("the run never began", where=run.id, hint="start a new one")
    if any(MASK in word for word in record.words):
        raise UsageError(
            f"it was given a secret after --, which its record does not keep: {MASK}",
            where=run.id,
            hint="start a new run, and give secrets in the environment",
        )
    if launcher.plain_weights:
        check_plain(run.folder)
    config = read_config(run.config)
    command = command_of(launcher, str(python), tree, config, run.config, record.words, resume=True)
    resumed = run.update(
        command=command,
        status=records.RUNNING,
        pid=os.getpid(),
        reason=None,
        finished=None,
        resumed=record.resumed + 1,
    )
    return follow(launcher, resumed, command, config, bind(tree, Environment(prefix, python)), view)
