"""What others made is read, and nothing in it is run: by training, resuming and evaluating."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.checkpoints.torch_files import Call, Tensor, write_torch
from tests.driver import Fork

pytestmark = pytest.mark.slow

SETTINGS = {"batch_size": 1, "grad_accumulation_steps": 1, "save_steps": 1}
AUTO_MAP = {
    "config.json": {"AutoConfig": "evil.C", "AutoModelForVision2Seq": "evil.M"},
    "preprocessor_config.json": {"AutoProcessor": "evil.P", "AutoImageProcessor": "evil.I"},
    "processor_config.json": {"AutoProcessor": "evil.P"},
    "tokenizer_config.json": {"AutoTokenizer": ["evil.T", None], "AutoProcessor": "evil.P"},
}


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.fixture
def hostile(tiny: Path, tmp_path: Path, mark: Path) -> Path:
    """A checkpoint as hubs have them: Python files lie in it that would be run for the tree's."""
    folder = tmp_path / "hostile"
    shutil.copytree(tiny, folder)
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    for name, classes in AUTO_MAP.items():
        path = folder / name
        said = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps({**said, "auto_map": classes}))
    return folder


def trained(openvla: Fork, checkpoint: Path, libero: Path) -> str:
    """What a run of one step from this checkpoint says."""
    words = [word for key, value in SETTINGS.items() for word in ("--set", f"flags.{key}={value}")]
    openvla.workspace.typed(
        *("config", "openvla", "libero_spatial", "--data", str(libero)),
        *("--ckpt", str(checkpoint), "-o", "hostile.yaml", *words),
        *("--set", "forkctl.dataset.workers=0", "--set", "forkctl.dataset.holdout=1"),
    )
    ran = openvla.workspace.typed(
        "run", "openvla", "hostile.yaml", "--steps", "1", "--env", openvla.prefix
    )
    return f"exit {ran.returncode}\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"


def test_code_beside_the_weights_is_not_run(
    openvla: Fork, hostile: Path, libero: Path, mark: Path
) -> None:
    assert trained(openvla, hostile, libero).startswith("exit 0")
    assert not mark.exists()


def test_weights_that_would_run_code_are_refused(
    openvla: Fork, tiny: Path, libero: Path, tmp_path: Path, mark: Path
) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny, folder)
    write_torch(
        folder / "pytorch_model.bin", {"w": Tensor(2), "x": Call("os.system", f": >{mark}")}
    )
    said = trained(openvla, folder, libero)
    assert said.startswith("exit 1") and "asks to run os.system" in said
    assert not mark.exists()


def test_every_file_that_is_gone_on_from_is_refused(
    openvla: Fork, tiny: Path, tmp_path: Path, mark: Path
) -> None:
    refused = openvla.probe("probe_hostile", scratch=tmp_path, mark=mark, base=tiny)
    assert refused == dict.fromkeys(("adapter", "optimizer", "random", "worker"), True)
    assert not mark.exists()
