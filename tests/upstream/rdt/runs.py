"""Runs of RDT's main.py at the smallest size, in a session of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from forkctl.families.rdt.measuring import layout_entry
from forkctl.families.rdt.vectors import RdtLayout
from forkctl.libero.alignment import AUTO
from forkctl.libero.files.paths import find_files
from tests.driver import Fork

DATASET = "libero_spatial"
BATCH = 2


@dataclass(frozen=True)
class Ended:
    """How a run ended. `left` are processes of it that outlived it."""

    code: int
    output: str
    left: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """A run's folder: the config and what it names."""

    rdt: Fork
    tiny: Path
    folder: Path

    def main(self, *flags: str, processes: int = 1) -> Ended:
        """Upstream's own entrypoint."""
        several = ("-m", "torch.distributed.run", f"--nproc_per_node={processes}")
        words = [*(several if processes > 1 else ()), "main.py", *self._flags(), *flags]
        sink = {"FORKCTL_METRICS": str(self.folder / "metrics.jsonl")}
        on_cpu = {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
        with self.rdt.start(*words, log=subprocess.PIPE, **sink, **on_cpu) as process:
            try:
                output, _ = process.communicate(timeout=300)
                left = members_of(process.pid)
            finally:
                if members_of(process.pid):
                    os.killpg(process.pid, signal.SIGKILL)
        return Ended(process.returncode, output, left)

    def _flags(self) -> list[str]:
        return [
            *("--config_path", str(self.folder / "config.yaml")),
            *("--output_dir", str(self.out)),
            *("--load_from_hdf5", "--dataset_type", "finetune"),
            *("--pretrained_text_encoder_name_or_path", str(self.tiny / "t5")),
            *("--pretrained_vision_encoder_name_or_path", str(self.tiny / "siglip")),
            *("--train_batch_size", str(BATCH), "--sample_batch_size", "1"),
            *("--checkpointing_period", "2", "--sample_period", "2"),
            *("--seed", "0", "--learning_rate", "1e-3"),
        ]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def metrics(self) -> list[dict[str, Any]]:
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def sidecar(self, model: str = ".") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / model / "forkctl.json").read_text())
        return found


def new_run(
    rdt: Fork, tiny: Path, folder: Path, data: Path, *, dataset: str = DATASET, **section: Any
) -> Run:
    """What a launcher writes before it starts main.py: the config, and lists with our names."""
    section = {"representation": "delta", "joints": False, "holdout": 1, **section}
    base = yaml.safe_load((rdt.tree / "configs" / "base.yaml").read_text())
    changes = yaml.safe_load((tiny / "model.yaml").read_text())["model"]
    base["model"]["img_token_dim"] = changes["img_token_dim"]
    base["model"]["rdt"].update(changes["rdt"])
    base["common"]["action_chunk_size"] = 8
    configs = folder / "configs"
    configs.mkdir(parents=True)
    layout = RdtLayout(section["representation"], section["joints"])
    files = find_files([data])
    chosen = {"alignment": section.get("alignment", AUTO), "holdout": section["holdout"]}
    entry = layout_entry(DATASET, files, layout, **chosen)
    theirs = rdt.tree / "configs"
    names = json.loads((theirs / "finetune_datasets.json").read_text())
    _write(configs / "finetune_datasets.json", [*names, DATASET])
    for name, value in (("dataset_control_freq.json", 20), ("dataset_stat.json", entry)):
        _write(configs / name, {**json.loads((theirs / name).read_text()), DATASET: value})
    base["forkctl"] = {
        "dataset": dataset,
        "files": [str(data)],
        "configs": str(configs),
        **section,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(base))
    return Run(rdt, tiny, folder)


def members_of(session: int) -> tuple[int, ...]:
    """The processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # gone by now
        state, their_session = fields[0], int(fields[3])
        if their_session == session and state != "Z":
            found.append(int(stat.parent.name))
    return tuple(found)


def _write(path: Path, content: list[Any] | Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content))
