"""A fork's tree in an environment, for one process: by PYTHONPATH, so that nothing is installed.

An environment holds packages and never the fork's own, so that a changed patch rebuilds nothing,
and two forks with packages of the same name cannot be taken for each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import forkctl
from forkctl.environments.environment import Environment
from forkctl.errors import ForkctlError
from forkctl.lifetime import end_with
from forkctl.patching.series.fork_tree import ForkTree
from forkctl.places import cache_root


@dataclass(frozen=True)
class Place:
    """Where upstream's code runs: a tree, and the environment that it is bound to.

    `python_path` is where the tree's packages are; empty, it is the tree itself.
    """

    tree: Path
    environment: Environment
    python_path: tuple[Path, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a process here."""
        return process_variables(self.environment, self.python_path or (self.tree,))

    def run_python(
        self, arguments: Sequence[str], *, cwd: Path, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python as a run would, and wait for it."""
        try:
            return subprocess.run(
                [str(self.environment.python), *arguments],
                input=stdin,
                env=self.variables,
                cwd=cwd,
                capture_output=True,
                text=True,
                check=False,
                preexec_fn=partial(end_with, os.getpid()),
            )
        except OSError as error:
            raise ForkctlError(
                f"its Python does not start: {error.strerror}",
                where=str(self.environment.python),
                hint="forkctl env remove and create make it anew; for your own, check --env",
            ) from None


# The last one: bytecode has a folder of its own, and without it each process compiles torch again.
_NOT_PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE")


def bind(tree: ForkTree, environment: Environment) -> Place:
    return Place(tree.path, environment, tree.import_folders)


def binding_key(pin: str, series: str, lock_digest: str | None, python: str) -> str:
    """Names one fork state in one environment: pin, series with overlays, lock, Python."""
    material = [pin, series, lock_digest or "own environment", python]
    return hashlib.sha256("\0".join(material).encode()).hexdigest()[:16]


def process_variables(environment: Environment, python_path: Sequence[Path]) -> dict[str, str]:
    """The variables of a process that imports from these folders, and forkctl, first."""
    variables = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    return {
        **variables,
        "PYTHONPATH": os.pathsep.join(map(str, [*python_path, forkctl_on_path()])),
        "PYTHONNOUSERSITE": "1",  # ~/.local would come before the environment's own packages
        "PYTHONPYCACHEPREFIX": str(cache_root() / "pycache"),  # not into the tree
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": str(environment.prefix),
        "FORKCTL_PYTHON": sys.executable,  # for what calls forkctl from in there
        "PATH": os.pathsep.join([str(environment.python.parent), os.environ.get("PATH", "")]),
    }


def forkctl_on_path() -> Path:
    """A folder that holds the forkctl package and nothing else.

    Overlays import forkctl.libero inside a fork's own environment. The folder that forkctl is
    installed in holds a whole other environment, which must not leak into the fork's.
    """
    package = Path(forkctl.__file__).resolve().parent
    name = hashlib.sha256(str(package).encode()).hexdigest()[:12]
    folder = cache_root() / "pythonpath" / name
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "forkctl"
    if not link.is_symlink():
        with contextlib.suppress(FileExistsError):  # another forkctl made it at this moment
            link.symlink_to(package, target_is_directory=True)
    return folder
