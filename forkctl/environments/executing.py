"""Run a command of the user's own as a run would: the fork's environment, bound to its tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from functools import partial

from forkctl.environments.binding import bind
from forkctl.environments.environment import Environment
from forkctl.environments.selecting import select
from forkctl.environments.uv import uv_binary, uv_settings
from forkctl.errors import ForkctlError
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.lifetime import end_with
from forkctl.patching.series.fork_tree import open_fork_tree


def execute(
    workspace: Workspace,
    fork: Fork,
    profile: str | None,
    own: str | None,
    words: Sequence[str],
    say: Callable[[str], None],
) -> int:
    """Its exit code. The command has the terminal, and starts in the folder it was typed in."""
    tree = open_fork_tree(workspace, fork)
    tree.require_current()
    place = bind(tree, select(workspace, fork, profile, own).made(say))
    command = _command(place.environment, list(words))
    variables = place.variables
    if command[0] == uv_binary():
        variables = {**uv_settings(variables), "UV_PYTHON": str(place.environment.python)}
    try:
        return subprocess.run(
            command, env=variables, preexec_fn=partial(end_with, os.getpid())
        ).returncode
    except OSError as error:
        raise ForkctlError(
            f"cannot be started: {error.strerror}",
            where=command[0],
            hint="`python` is the environment's own; other programs are looked for in PATH",
        ) from None


def _command(environment: Environment, words: list[str]) -> list[str]:
    """`python` is the environment's own, and so is `pip`: those that forkctl makes have none, and
    the next in PATH would change forkctl's own environment."""
    python = str(environment.python)
    if words[0] in ("pip", "pip3"):
        words = ["python", "-m", "pip", *words[1:]]
    if words[0] in ("python", "python3"):
        words[0] = python  # PATH of this process is not the child's
    if environment.ours and words[:3] == [python, "-m", "pip"]:
        return [uv_binary(), *words[2:]]
    return words
