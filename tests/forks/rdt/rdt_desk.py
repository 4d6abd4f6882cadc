"""A person's desk: the workspace where forkctl is typed, and a tiny config."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Desk:
    """`workspace` holds forks.toml; `forkctl` runs there with a cache of the session's own."""

    workspace: Path
    python: Path
    cache: Path
    tiny: Path
    libero: Path

    @property
    def tree(self) -> Path:
        return self.workspace / "forks" / "rdt"

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

    def forkctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a person types it, in the lab's workspace."""
        return subprocess.run(
            [sys.executable, "-m", "forkctl", *words],
            env={**self.variables, "PYTHONPATH": str(ROOT), "FORKCTL_CACHE": str(self.cache)},
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

    @property
    def prefix(self) -> str:
        """The environment, for `--env`."""
        return str(self.python.parent.parent)


def tiny_config(desk: Desk, **options: Any) -> dict[str, Any]:
    """A run of four steps, with a checkpoint and a sample every two."""
    return {
        "name": "tiny",
        "flags": {
            "pretrained_vision_encoder_name_or_path": str(desk.tiny / "siglip"),
            "pretrained_text_encoder_name_or_path": str(desk.tiny / "t5"),
            "load_from_hdf5": True,
            "dataset_type": "finetune",
            "precomp_lang_embed": True,
            "train_batch_size": 2,
            "sample_batch_size": 2,
            "num_sample_batches": 1,
            "max_train_steps": 4,
            "checkpointing_period": 2,
            "sample_period": 2,
            "learning_rate": 1e-3,
            "dataloader_num_workers": 0,
            "seed": 0,
        },
        "upstream": yaml.safe_load((desk.tiny / "model.yaml").read_text()),
        "forkctl": {
            "dataset": "libero_spatial",
            "files": [str(desk.libero)],
            "holdout": 1,
            **options,
        },
    }


def write_config(path: Path, config: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(config))
    return path
