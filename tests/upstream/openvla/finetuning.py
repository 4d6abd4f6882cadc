"""Upstream's finetune.py with `--forkctl`, as torchrun or a shell would start it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.driver import Fork

_SCRIPT = "vla-scripts/finetune.py"


@dataclass(frozen=True)
class Finetuning:
    """One run. `flags` are upstream's own; everything lies in `folder`."""

    fork: Fork
    folder: Path
    flags: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)

    def command(self, *launcher: str) -> list[str]:
        file = self.folder / "options.json"
        self.folder.mkdir(exist_ok=True)
        file.write_text(json.dumps(self.options))
        paths = {"run_root_dir": self.folder / "runs", "adapter_tmp_dir": self.folder / "adapter"}
        flags = {"wandb_project": "", **paths, "forkctl": file, **self.flags}
        words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
        return [*launcher, str(self.fork.tree / _SCRIPT), *words]

    def run(self, *launcher: str) -> subprocess.CompletedProcess[str]:
        return self.fork.run(*self.command(*launcher), cwd=self.folder, **self.sink)

    def run_until(self, step: int) -> None:
        """Kill it, as a machine would, when this step's checkpoint is there."""
        with (self.folder.with_suffix(".log")).open("w") as log:
            process = self.fork.start(*self.command(), cwd=self.folder, log=log, **self.sink)
            while step not in self.checkpoints and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.wait()

    @property
    def sink(self) -> dict[str, str]:
        return {"FORKCTL_METRICS": str(self.folder / "metrics.jsonl")}

    @property
    def checkpoints(self) -> dict[int, Path]:
        found = (self.folder / "runs").glob("*/step-*")
        return {int(path.name.removeprefix("step-")): path for path in found}

    @property
    def metrics(self) -> list[dict[str, Any]]:
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]
