"""Fine-tune from a checkpoint that the DROID fork made: other cameras, ten actions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.driver import Fork
from tests.upstream.robomimic.conftest import Forks
from tests.upstream.robomimic.small_config import (
    DROID_CAMERAS,
    DROID_LOW_DIM,
    KEY_MAP,
    REAL,
    SMALL,
    config,
)
from tests.upstream.robomimic.training import train

pytestmark = pytest.mark.slow

TRANSFER = {"experiment.strict_weight_loading": False, "experiment.ckpt_key_map": KEY_MAP}


def make_checkpoint(droid: Fork, folder: Path, data: list[Path], sizes: dict[str, Any]) -> Path:
    """As DROID's own recipe leaves one, made by the fork itself."""
    made = config("droid", data, folder, sizes=sizes, cameras=DROID_CAMERAS, low_dim=DROID_LOW_DIM)
    path = folder / "config.json"
    path.write_text(json.dumps(made))
    script = str(droid.scripts / "make_droid_checkpoint.py")
    done = droid.run(script, "--config", str(path), "--out", str(folder / "droid.pth"))
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "droid.pth"


@pytest.fixture(scope="module")
def checkpoint(patched: Forks, demos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(patched("droid"), tmp_path_factory.mktemp("droid"), demos, SMALL)


@pytest.fixture(scope="module", params=["droid", "robomimic"])
def ways(
    request: pytest.FixtureRequest,
    patched: Forks,
    demos: list[Path],
    checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """The same load in five ways, in one process."""
    different = {
        "mapped": TRANSFER,
        "reset": {**TRANSFER, "experiment.ckpt_transfer.ema": "reset"},
        "blind": {"experiment.strict_weight_loading": False},
        "plain": {
            "experiment.strict_weight_loading": False,
            "experiment.ckpt_transfer.mode": "plain",
        },
        "strict": {},
    }
    found = patched(request.param).probe(
        "probe_transfer",
        ways=different,
        data=demos[:1],
        checkpoint=checkpoint,
        scratch=tmp_path_factory.mktemp("scratch"),
    )
    return {"fork": request.param, **found}


def test_mapped_cameras_bring_the_whole_visual_encoder(ways: dict[str, Any]) -> None:
    found = ways["mapped"]
    assert found["error"] is None
    visual = found["report"]["visual_encoder"]
    assert visual["tensors_taken"] == visual["tensors"] > 100
    total = found["report"]["total"]
    # action size in four tensors; the fused condition, which only the droid fork has, in one more
    missing = 5 if ways["fork"] == "droid" else 4 + 8
    assert total["tensors"] - total["tensors_taken"] == missing
    assert found["from_checkpoint"] == total["tensors_taken"], "the report tells the truth"


def test_the_average_comes_from_the_checkpoint_or_is_reset(ways: dict[str, Any]) -> None:
    taken = ways["mapped"]["report"]["total"]["tensors_taken"]
    assert ways["mapped"]["ema_from_checkpoint"] == taken
    assert not ways["mapped"]["ema_is_nets"]
    assert ways["reset"]["ema_is_nets"]


def test_a_blind_transfer_is_refused_and_leaves_the_model_alone(ways: dict[str, Any]) -> None:
    found = ways["blind"]
    assert "visual encoder" in found["error"] and "ckpt_key_map" in found["error"]
    assert (found["nets_changed"], found["ema_changed"]) == (0, 0)
    assert found["report"]["visual_encoder"]["tensors_taken"] == 0


def test_plain_strict_false_is_refused_and_leaves_the_model_alone(ways: dict[str, Any]) -> None:
    found = ways["plain"]
    said = "differ in size" if ways["fork"] == "droid" else "nothing of the checkpoint"
    assert said in found["error"]
    assert (found["nets_changed"], found["ema_changed"]) == (0, 0)


def test_strict_loading_is_still_upstreams_own(ways: dict[str, Any]) -> None:
    assert "Error(s) in loading state_dict" in ways["strict"]["error"]
    assert ways["strict"]["report"] is None


@pytest.mark.parametrize("fork", ["droid", "robomimic"])
def test_train_takes_over_and_says_so(
    fork: str, patched: Forks, demos: list[Path], checkpoint: Path, tmp_path: Path
) -> None:
    changes = {**TRANSFER, "experiment.ckpt_path": str(checkpoint)}
    done = train(patched(fork), config(fork, demos[:1], tmp_path / "out", changes))
    assert done.returncode == 0, done.stdout[-3000:]
    for line in (
        f"LOADING MODEL WEIGHTS FROM {checkpoint}",
        "Loading checkpoint with strict=False",
        "[Checkpoint Loading] strict=False mode:",
        "missing keys: ",
        "unexpected keys: ",
    ):
        assert line in done.stdout
    (report,) = (tmp_path / "out").glob("**/transfer.json")
    assert json.loads(report.read_text())["refused"] is None


# How common code saves the same networks: bare, under a name, in parts, with numbers beside them.
FORMS = {
    "robomimic's": "made",
    "bare": "nets",
    "state_dict": "{'epoch': 3, 'state_dict': nets, 'model': 'resnet'}",
    "model": "{'model': nets, 'epoch': 3}",
    "in parts": "{'model': {'nets': {'policy': parts, 'count': 3}}}",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_plan_says_beforehand_what_a_run_does(
    form: str,
    patched: Forks,
    demos: list[Path],
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    fork, saved = patched("robomimic"), tmp_path / "saved.pth"
    script = (
        "import torch\n"
        f"made = torch.load({str(checkpoint)!r}, weights_only=False)\n"
        "nets = dict(made['model']['nets'])\n"
        "parts = {name.partition('.')[2]: tensor for name, tensor in nets.items()}\n"
        f"torch.save({FORMS[form]}, {str(saved)!r})\n"
    )
    done = fork.run("-c", script)
    assert done.returncode == 0, done.stderr[-1000:]
    changes = {**TRANSFER, "experiment.ckpt_path": str(saved)}
    given = config("robomimic", demos[:1], tmp_path / "out", changes)
    written = tmp_path / "config.json"
    written.write_text(json.dumps(given))
    words = ("--fork", "robomimic", "--config", str(written), "--env", fork.prefix, "--json")
    told = json.loads(fork.workspace.said("ckpt", "plan", str(saved), *words))
    total = told["total"]
    assert total["tensors"] - total["tensors_taken"] == 4 + 8
    done = train(fork, given)
    assert done.returncode == 0, done.stdout[-3000:]
    (report,) = (tmp_path / "out").glob("**/transfer.json")
    assert json.loads(report.read_text()) == told


def test_a_checkpoint_that_wants_to_run_code_is_refused(
    patched: Forks, demos: list[Path], tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    bad = tmp_path / "bad.pth"
    fork = patched("robomimic")
    script = (
        "import os, torch\n"
        "class Bad:\n"
        f"    def __reduce__(self): return os.system, ('touch {mark}',)\n"
        f"torch.save({{'model': Bad()}}, {str(bad)!r})\n"
    )
    assert fork.run("-c", script).returncode == 0
    changes = {**TRANSFER, "experiment.ckpt_path": str(bad)}
    done = train(fork, config("robomimic", demos[:1], tmp_path / "out", changes))
    assert done.returncode == 1
    assert "system" in done.stdout and not mark.exists()


@pytest.mark.parametrize("section", ["nets", "ema"])
def test_a_checkpoint_with_numbers_that_are_none_is_refused(
    patched: Forks, demos: list[Path], checkpoint: Path, tmp_path: Path, section: str
) -> None:
    """Of the weights the loss shows it; of their average nothing does, and the policy is dead."""
    fork, bad = patched("robomimic"), tmp_path / "bad.pth"
    script = (
        "import torch\n"
        f"made = torch.load({str(checkpoint)!r}, weights_only=False)\n"
        f"name = [n for n, t in made['model'][{section!r}].items() if t.is_floating_point()][-1]\n"
        f"made['model'][{section!r}][name].view(-1)[-1] = float('nan')\n"
        f"torch.save(made, {str(bad)!r})\n"
    )
    done = fork.run("-c", script)
    assert done.returncode == 0, done.stderr[-1000:]
    changes = {**TRANSFER, "experiment.ckpt_path": str(bad)}
    done = train(fork, config("robomimic", demos[:1], tmp_path / "out", changes))
    assert done.returncode == 1
    assert f"{section} of ckpt_path: 1 of its" in done.stdout
    assert "hold NaN or infinity" in done.stdout


def test_numpy_numbers_beside_the_weights_do_not_stop_a_load(
    patched: Forks, tmp_path: Path
) -> None:
    """v0.5.0 saves its best return, which torch's own safe loader takes for code."""
    path = str(tmp_path / "a.pth")
    script = (
        "import numpy, torch, pathlib\n"
        "from forkctl.checkpoints.loading import load_checkpoint\n"
        "nets = {'w': torch.ones(3)}\n"
        f"torch.save({{'model': {{'nets': nets}}, 'best': numpy.float64(0.5)}}, {path!r})\n"
        f"found = load_checkpoint(pathlib.Path({path!r}))\n"
        "print(float(found['best']), float(found['model']['nets']['w'].sum()))\n"
    )
    done = patched("robomimic").run("-c", script)
    assert done.stdout.split() == ["0.5", "3.0"], done.stderr[-1000:]


def test_the_release_can_start_from_its_own_checkpoint(
    patched: Forks, demos: list[Path], tmp_path: Path
) -> None:
    fork = patched("robomimic-release")
    save = {"experiment.save.enabled": True, "experiment.save.every_n_epochs": 1}
    done = train(fork, config(fork.name, demos[:1], tmp_path / "first", save))
    assert done.returncode == 0, done.stdout[-2000:]
    (saved,) = (tmp_path / "first").glob("**/models/*.pth")
    changes = {"experiment.ckpt_path": str(saved), "experiment.strict_weight_loading": False}
    done = train(fork, config(fork.name, demos[:1], tmp_path / "second", changes))
    assert done.returncode == 0, done.stdout[-2000:]
    (report,) = (tmp_path / "second").glob("**/transfer.json")
    total = json.loads(report.read_text())["total"]
    assert total["tensors_taken"] == total["tensors"] > 50


@pytest.fixture(scope="module")
def real_checkpoint(
    patched: Forks, demos: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return make_checkpoint(patched("droid"), tmp_path_factory.mktemp("real"), demos, REAL)


@pytest.mark.parametrize(
    ("fork", "taken", "tensors"), [("droid", 809, 814), ("robomimic", 792, 808)]
)
def test_real_sizes(
    fork: str,
    taken: int,
    tensors: int,
    patched: Forks,
    demos: list[Path],
    real_checkpoint: Path,
    tmp_path: Path,
) -> None:
    """ResNet50 at 256 pixels, the full UNet: the numbers that people will see."""
    found = patched(fork).probe(
        "probe_transfer",
        real=True,
        ways={"mapped": TRANSFER},
        data=demos[:1],
        checkpoint=real_checkpoint,
        scratch=tmp_path,
    )["mapped"]
    assert found["error"] is None
    total, visual = found["report"]["total"], found["report"]["visual_encoder"]
    assert (total["tensors_taken"], total["tensors"]) == (taken, tensors)
    assert (visual["tensors_taken"], visual["tensors"]) == (660, 660)
    assert found["from_checkpoint"] == taken
