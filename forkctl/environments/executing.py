"""Run a command of the user's own as a run would: the fork's environment, bound to its tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from functools import partial

from forkctl.environments.binding import bind
from forkctl.environments.selecting import select
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
    command = list(words)
    if command[0] in ("python", "python3"):
        command[0] = str(place.environment.python)  # PATH of this process is not the child's
    try:
        return subprocess.run(
            command, env=place.variables, preexec_fn=partial(end_with, os.getpid())
        ).returncode
    except OSError as error:
        raise ForkctlError(
            f"cannot be started: {error.strerror}",
            where=command[0],
            hint="`python` is the environment's own; other programs are looked for in PATH",
        ) from None
