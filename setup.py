"""Puts the shipped forks into the wheel; everything else about the package is in setup.cfg."""

from __future__ import annotations

from pathlib import Path
from shutil import copy2, copytree, ignore_patterns, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
SHIPPED = ("forks.toml", "forks.lock", "patches", "overlays", "configs")


class BuildWithForks(build_py):
    """A wheel carries the forks inside the package; an editable install has them beside it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self._copy_forks(Path(self.build_lib, "forkctl", "shipped"))

    def _copy_forks(self, target: Path) -> None:
        rmtree(target, ignore_errors=True)  # build/ may hold files that are no longer shipped
        target.mkdir(parents=True)
        for name in SHIPPED:
            if (ROOT / name).is_dir():
                copytree(ROOT / name, target / name, ignore=ignore_patterns("__pycache__"))
            else:
                copy2(ROOT / name, target / name)


setup(cmdclass={"build_py": BuildWithForks})
