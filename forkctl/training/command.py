"""The command that a run is: Python, the fork's entrypoint, and what its launcher tells it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forkctl.configs import Config
from forkctl.family import Launcher
from forkctl.patching.series.fork_tree import ForkTree


def command_of(
    launcher: Launcher,
    python: str,
    tree: ForkTree,
    config: Config,
    config_path: Path,
    words: Sequence[str],
    *,
    resume: bool = False,
) -> tuple[str, ...]:
    """`words` are handed on as they are, after all others."""
    program = launcher.program(tree.path / tree.fork.require_entrypoint().file)
    arguments = launcher.arguments(config, config_path, resume)
    return (python, *launcher.wrapper(config), *program, *arguments, *words)
