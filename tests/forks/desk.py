"""Where a fork is worked with: a workspace, its applied tree, and the Python that runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from interrupts import hear_interrupts

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Desk:
    """`workspace` holds forks.toml; `cache` is the test session's own."""

    workspace: Path
    python: Path
    cache: Path

    fork = ""
    scripts = ROOT  # the folder of scripts that run inside the fork

    @property
    def tree(self) -> Path:
        return self.workspace / "forks" / self.fork

    @property
    def prefix(self) -> str:
        """The environment, for `--env`."""
        return str(self.python.parent.parent)

    @property
    def variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "TOKENIZERS_PARALLELISM": "false",
        }

    def run(
        self, *words: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The fork's Python, bound to its tree as a run would be."""
        path = os.pathsep.join([str(self.tree), str(ROOT), str(self.scripts)])
        return subprocess.run(
            [str(self.python), *words],
            env={**self.variables, "PYTHONPATH": path, **environment},
            cwd=cwd or self.workspace,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def forkctl(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a person types it, in this workspace."""
        return subprocess.run(
            [sys.executable, "-m", "forkctl", *words],
            env={**self._as_typed, **environment},
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def ok(self, *words: str) -> str:
        done = self.forkctl(*words)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The command line, not waited for; what it says goes nowhere."""
        return subprocess.Popen(
            [sys.executable, "-m", "forkctl", *words],
            env=self._as_typed,
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=hear_interrupts,
        )

    @property
    def _as_typed(self) -> dict[str, str]:
        return {**self.variables, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(self.cache)}
