"""forkctl in a workspace with a simulator, and scripts inside its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import forkctl

ROOT = Path(forkctl.__file__).parents[1]


class SimulatorLab:
    def __init__(self, root: Path, cache: Path, python: str | None) -> None:
        self.root = root
        self.own = ["--sim-env", python] if python else []
        self.variables = {**os.environ, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(cache)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "forkctl", *words],
            cwd=self.root,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def forkctl(self, *words: str) -> str:
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == 0, f"{words}: {out[-2000:]}{err[-2000:]}"
        return out

    def inside(self, script: Path, *words: str) -> Any:
        """What a script says, in its last line, that runs in the simulator's environment."""
        asked = subprocess.run(
            [sys.executable, "-c", _WHERE, *self.own[1:]],
            cwd=self.root,
            env=self.variables,
            capture_output=True,
            text=True,
            check=True,
        )
        python, variables = json.loads(asked.stdout)
        command = [python, str(script), *words]
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])


_WHERE = """
import json, sys
from forkctl.forks.workspace import find_workspace
from forkctl.environments.simulator import find_simulator
found = find_simulator(find_workspace(), *sys.argv[1:])
print(json.dumps([str(found.python), dict(found.variables)]))
"""
