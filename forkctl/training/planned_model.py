"""The model that a run would train, without planning the rest of the run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from forkctl.checkpoints.description import ModelDescription
from forkctl.environments.selecting import select
from forkctl.errors import UsageError
from forkctl.family import RunInputs, launcher_for
from forkctl.forks import manifest
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import entrypoint, open_fork_tree
from forkctl.training.data import files_at, ready_file
from forkctl.training.model_description import describe_model
from forkctl.training.planning import RunRequest, Say, resolve_config


def describe_for(workspace: Workspace, request: RunRequest, say: Say) -> ModelDescription:
    """The model that `forkctl run` with the same words would train."""
    fork = manifest.load(workspace.manifest).fork(request.fork)
    launcher = launcher_for(entrypoint(fork).kind)
    config = resolve_config(launcher, request)
    places = launcher.data_of(config)
    files = tuple(file for place in places for file in files_at(Path(place).expanduser()))
    tree = open_fork_tree(workspace, fork)
    environment = select(workspace, fork, request.profile, request.environment).made(say)
    with tempfile.TemporaryDirectory() as scratch:
        data = ready_file(files, Path(scratch)) if launcher.wants_one_file else files[0]
        inputs = RunInputs("plan", Path(scratch), data, None, files)
        rendered = launcher.rendered(config, inputs)
        described = describe_model(launcher, rendered, environment, tree.path)
    if described is None:
        raise UsageError(
            f"the fork {fork.name} cannot describe its model",
            hint="give a checkpoint of the model with --model",
        )
    return described
