"""OpenVLA's applied tree, the Python that runs it, and a tiny checkpoint, for these tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class OpenVLALab:
    """`workspace` holds forks.toml; `forkctl` runs there with a cache of the session's own."""

    workspace: Path
    python: Path
    cache: Path

    @property
    def tree(self) -> Path:
        return self.workspace / "forks" / "openvla"

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
        path = os.pathsep.join([str(self.tree), str(ROOT), str(HERE)])
        return subprocess.run(
            [str(self.python), *words],
            env={**self.variables, "PYTHONPATH": path, **environment},
            cwd=cwd or self.workspace,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def probe(self, module: str, **words: Any) -> dict[str, Any]:
        """What `<module>.py` beside this file answers, run inside the fork."""
        done = self.run(str(HERE / f"{module}.py"), json.dumps(words, default=str))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def forkctl(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a person types it, in the lab's workspace."""
        return subprocess.run(
            [sys.executable, "-m", "forkctl", *words],
            env={**self._command_environment, **environment},
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The same, not waited for; what it says goes nowhere."""
        return subprocess.Popen(
            [sys.executable, "-m", "forkctl", *words],
            env=self._command_environment,
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    @property
    def _command_environment(self) -> dict[str, str]:
        return {**self.variables, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(self.cache)}

    @property
    def prefix(self) -> str:
        """For `--env`."""
        return str(self.python.parent.parent)
