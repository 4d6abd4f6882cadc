"""Go on with a run that ended early: in its own folder, with upstream's own resume."""

from __future__ import annotations

import os
from pathlib import Path

from forkctl.checkpoints.unpickling import check_plain
from forkctl.configs import read_config
from forkctl.environments.binding import bind
from forkctl.environments.environment import Environment
from forkctl.environments.locks import as_options
from forkctl.errors import ForkctlError, UsageError
from forkctl.family import Launcher
from forkctl.forks.hashes import fingerprint
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import open_fork_tree
from forkctl.training import records
from forkctl.training.command import command_of
from forkctl.training.comparing import flattened
from forkctl.training.identity import named_weights
from forkctl.training.records import Run
from forkctl.training.running import follow
from forkctl.training.secrets import MASK
from forkctl.training.view import View


def resume_run(workspace: Workspace, fork: Fork, launcher: Launcher, run: Run, view: View) -> Run:
    """Everything must be as it was: the same tree, environment, config and data."""
    record = run.record
    if run.status in (records.RUNNING, records.FINISHED):
        raise UsageError(f"the run is {run.status}", where=run.id)
    if run.status == records.DIVERGED:
        raise UsageError(
            f"the run diverged: {record.reason}",
            where=run.id,
            hint="start a new one, from a checkpoint before that step: --ckpt",
        )
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
    _require_data(run)
    _require_weights(run)
    prefix = Path(record.environment["prefix"])
    python = Path(record.command[0])
    if not python.exists():
        raise ForkctlError(
            "its environment is gone",
            where=str(prefix),
            hint=f"forkctl env create {record.fork} {as_options(record.environment['profile'])}",
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


def _require_data(run: Run) -> None:
    files = [Path(file) for file in run.record.data["files"]]
    if not files:
        return
    gone = [file for file in files if not file.is_file()]
    if gone:
        raise ForkctlError(
            f"its data is gone: {len(gone)} of {len(files)} files",
            where=str(gone[0]),
            hint="put it back where it was, or start a new run on the data that is there",
        )
    if fingerprint(files) != run.record.data["fingerprint"]:
        raise ForkctlError(
            f"the data in {files[0].parent} is not what the run was started on",
            where=run.id,
            hint="bring it back to what it was, or start a new run from the last checkpoint",
        )


def _require_weights(run: Run) -> None:
    """Those that its config names beside the checkpoint are read again."""
    began = run.record.notes.get("weights", {})
    now = named_weights(flattened(read_config(run.config)), Path(run.record.cwd))
    if changed := [key for key, was in began.items() if now.get(key) != was]:
        raise ForkctlError(
            f"the file that {changed[0]} names is gone, or another one",
            where=run.id,
            hint="bring it back, or start a new run from the last checkpoint",
        )
