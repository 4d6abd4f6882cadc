"""robomimic's own train.py as a script that no family knows: by templates of forks.toml alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forkctl.training.records import load
from tests.driver import Workspace

pytestmark = pytest.mark.slow

FORKS = """
version = 1
[fork.robomimic]
git = "https://github.com/ARISE-Initiative/robomimic"
revision = "ae5799f0fae05c4559ee1f9645b0f77eb5251929"
sparse = ["robomimic"]
series = ["robomimic"]
overlays = ["robomimic"]
[fork.robomimic.entrypoint]
file = "robomimic/scripts/train.py"
kind = "script"
flags = ["--config", "--resume"]
[fork.robomimic.entrypoint.options]
arguments = ["--config", "{config}"]
set = [
    "train.output_dir={out}",
    'train.data=[{"path": "{data}"}]',
    "experiment.epoch_every_n_steps={steps}",
]
resume = ["--resume"]
checkpoints = "*/*/models/*.pth"
packages = ["robomimic"]
imports = ["torch", "robomimic.config"]
libero = "joined"
disk_gb = 1
"""


def config() -> dict[str, Any]:
    """Behaviour cloning from what the arm feels; no images, so that it takes seconds."""
    off = {"enabled": False}
    return {
        "algo_name": "bc",
        "experiment": {
            "name": "plain",
            "validate": False,
            "logging": {"terminal_output_to_txt": False, "log_tb": False, "log_wandb": False},
            "save": {"enabled": True, "every_n_epochs": 1},
            "rollout": off,
        },
        "train": {
            "hdf5_load_next_obs": False,
            "hdf5_use_swmr": False,
            "dataset_keys": ["actions"],
            "cuda": False,
            "batch_size": 4,
            "num_epochs": 2,
        },
        "observation": {"modalities": {"obs": {"low_dim": ["ee_pos", "ee_ori"]}}},
    }


@pytest.fixture
def scripted(
    real: Callable[..., Workspace],
    workspace: Workspace,
    session_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace:
    """robomimic, described as a script, in a workspace of its own."""
    real("robomimic")
    monkeypatch.setenv("FORKCTL_CACHE", str(session_cache))
    workspace.lay_in("patches/robomimic", "overlays/robomimic")
    workspace.write({"forks.toml": FORKS, "bc.json": json.dumps(config())})
    for command in ("sync", "apply", "check"):
        workspace.ok(command)
    return workspace


def test_upstream_trains_is_recorded_and_goes_on(
    scripted: Workspace, robomimic_python: Path, demos: list[Path]
) -> None:
    words = ("--env", str(robomimic_python), "--data", str(demos[0].parent), "--steps", "3")
    scripted.ok("run", "robomimic", "bc.json", *words)
    (folder,) = (scripted.root / "runs/robomimic").iterdir()
    kept = load(folder)
    assert kept.record.status == "finished"
    assert kept.record.environment["origins"]["robomimic"].startswith(
        str(scripted.tree("robomimic"))
    )
    assert kept.record.checks["data"] == "2 files valid"
    saved = {path.name for path in kept.checkpoints.iterdir()}
    assert {"model_epoch_1.pth", "model_epoch_2.pth"} <= saved
    (listed,) = json.loads(scripted.ok("runs", "list", "--json"))
    assert listed["steps"] == 6, "the overlay writes them where it always does"

    kept.update(status="failed")
    (models,) = folder.glob("upstream/plain/*/models")
    (models / "model_epoch_2.pth").unlink()
    given = json.loads((folder / "script.json").read_text())
    given["train"]["num_epochs"] = 3  # of which the third is still to be done
    (folder / "script.json").write_text(json.dumps(given))
    scripted.ok("runs", "resume", "last")
    assert (models / "model_epoch_3.pth").exists()
    assert not (models / "model_epoch_2.pth").exists(), "it began anew"
