"""Build the model that a config trains, in the fork's own environment, and read its tensors."""

from __future__ import annotations

from collections.abc import Callable

from forkctl.checkpoints.description import ModelDescription, read_description
from forkctl.configs import Config, write_config
from forkctl.environments.binding import Place, bind
from forkctl.errors import ForkctlError, UsageError
from forkctl.family import Launcher
from forkctl.scratch import scratch_folder
from forkctl.training.resolving import Resolved


def describe_for(resolved: Resolved, say: Callable[[str], None]) -> ModelDescription:
    """The model that a run would train, without planning the rest of the run."""
    resolved.tree.require_current()
    place = bind(resolved.tree, resolved.selection.made(say))
    with scratch_folder() as scratch:
        rendered = resolved.rendered(scratch)
        described = describe_model(resolved.launcher, rendered, place)
    if described is None:
        raise UsageError(
            f"the fork {resolved.fork.name} cannot describe its model",
            hint="give a checkpoint of the model with --model",
        )
    return described


def describe_model(launcher: Launcher, config: Config, place: Place) -> ModelDescription | None:
    """None where this kind of fork cannot say."""
    with scratch_folder() as scratch:
        written, out = scratch / "config.json", scratch / "model.json"
        write_config(written, config)
        arguments = launcher.describe(written, out)
        if arguments is None:
            return None
        done = place.run_python(arguments, cwd=scratch)
        if done.returncode != 0:
            raise ForkctlError(
                f"the model cannot be built:\n{done.stderr.strip()[-1500:]}", where=str(place.tree)
            )
        return read_description(out)
