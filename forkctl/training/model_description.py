"""Build the model that a config trains, in the fork's own environment, and read its tensors."""

from __future__ import annotations

import tempfile
from pathlib import Path

from forkctl.checkpoints.description import ModelDescription, read_description
from forkctl.configs import Config, write_config
from forkctl.environments.environment import Environment
from forkctl.environments.proving import run_python
from forkctl.errors import ForkctlError
from forkctl.family import Launcher


def describe_model(
    launcher: Launcher, config: Config, environment: Environment, tree: Path
) -> ModelDescription | None:
    """None where this kind of fork cannot say."""
    with tempfile.TemporaryDirectory() as scratch:
        written, out = Path(scratch) / "config.json", Path(scratch) / "model.json"
        write_config(written, config)
        arguments = launcher.describe(written, out)
        if arguments is None:
            return None
        done = run_python(environment, tree, arguments, cwd=Path(scratch))
        if done.returncode != 0:
            raise ForkctlError(
                f"the model cannot be built:\n{done.stderr.strip()[-1500:]}", where=str(tree)
            )
        return read_description(out)
