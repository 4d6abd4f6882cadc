"""The tutorials' evaluation command: what its flags become, whichever Python starts it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests import ROOT

SCRIPT = ROOT / "overlays/rdt/eval_sim" / "eval_rdt_libero.py"


def started(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    rest = {name: value for name, value in os.environ.items() if name != "FORKCTL_PYTHON"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        env={**rest, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_flags_become_those_of_forkctl(tmp_path: Path) -> None:
    """Paths are meant from where it was typed; a name on the hub stays a name."""
    checkpoint = tmp_path / "checkpoint-9"
    weights = checkpoint / "pytorch_model" / "mp_rank_00_model_states.pt"
    weights.parent.mkdir(parents=True)
    weights.touch()
    (checkpoint / "forkctl.json").touch()
    (tmp_path / "siglip").mkdir()
    words = [
        *("--config", "configs/base.yaml", "--pretrained", str(weights.relative_to(tmp_path))),
        *("--text_encoder", "google/t5-v1_1-xxl", "--vision_encoder", "siglip"),
        *("--benchmark", "libero_goal", "--num_tasks", "3", "--max_steps", "600"),
        *("--record_video", "--video_output_dir", "videos", "--workers", "2"),
    ]
    done = started(tmp_path, *words, FORKCTL_PYTHON=sys.executable)
    assert shlex.split(done.stdout.splitlines()[-1]) == [
        *(sys.executable, "-m", "forkctl", "eval", "rollout", "rdt"),
        *("--ckpt", str(checkpoint), "--policy-option", "text_encoder=google/t5-v1_1-xxl"),
        *("--policy-option", f"vision_encoder={tmp_path / 'siglip'}"),
        *("--suite", "libero_goal", "--tasks", "0,1,2", "--max-steps", "600"),
        *("--record-video", "--video-dir", str(tmp_path / "videos"), "--device", "auto"),
        *("--workers", "2"),
    ]
    assert "--num_tasks 3 -> --tasks 0,1,2" in done.stdout
    # forkctl took all of the words: what stops it is that this is no workspace's tree
    assert done.returncode == 1, done.stderr
    assert "Usage" not in done.stderr


def test_flags_that_were_documented_before(tmp_path: Path) -> None:
    words = [
        *("--checkpoint", "checkpoint-9", "--benchmark", "libero_goal", "--tasks", "0,3"),
        *("--trials", "20", "--execute", "8", "--record_video", "videos", "--device", "cpu"),
    ]
    done = started(tmp_path, *words, FORKCTL_PYTHON=sys.executable)
    assert shlex.split(done.stdout.splitlines()[-1])[6:] == [
        *("--ckpt", str(tmp_path / "checkpoint-9"), "--suite", "libero_goal", "--horizon", "8"),
        *("--record-video", "--video-dir", str(tmp_path / "videos"), "--device", "auto"),
        *("--tasks", "0,3", "--trials", "20", "--device", "cpu"),
    ]


def test_without_forkctl_it_says_what_to_do(tmp_path: Path) -> None:
    done = started(tmp_path, "--pretrained", "checkpoint-9", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "forkctl is not on PATH" in done.stderr
    assert f"forkctl env exec rdt -- python {SCRIPT}" in done.stderr
