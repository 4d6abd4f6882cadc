"""What the series changes, seen on the real trees: patched does it, pristine does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.upstream.robomimic.conftest import Forks
from tests.upstream.robomimic.small_config import config
from tests.upstream.robomimic.training import train

pytestmark = pytest.mark.slow

DIFFUSION = ("robomimic", "droid")
ALL = (*DIFFUSION, "robomimic-release")


@pytest.fixture(scope="module")
def answers(
    patched: Forks,
    pristine: Forks,
    demos: list[Path],
    regenerated: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Any]:
    """One process answers all questions to one tree; each test reads its own."""
    known: dict[tuple[str, bool], dict[str, Any]] = {}
    broken = tmp_path_factory.mktemp("broken") / demos[1].name
    broken.write_bytes(demos[1].read_bytes()[:100_000])

    def ask(fork: str, probe: str, *, pristine_tree: bool = False) -> Any:
        key = (fork, pristine_tree)
        if key not in known:
            probes = ["resize", "environments", "regenerated"]
            probes += ["unet", "frames", "rollout"] if fork in DIFFUSION else []
            probes += ["files"] if fork == "droid" else []
            known[key] = (pristine if pristine_tree else patched)(fork).probe(
                "probe_behaviour",
                probes=probes,
                data=demos[:1],
                regenerated=regenerated,
                broken=broken,
                scratch=tmp_path_factory.mktemp("scratch"),
            )
        return known[key][probe]

    return ask


@pytest.mark.parametrize("fork", ALL)
def test_frames_are_resized_where_they_arrive(fork: str, answers: Callable[..., Any]) -> None:
    found = answers(fork, "resize")
    assert found["batch"] == [2, 3, 3, 48, 80]
    assert found["single"] == [3, 48, 80]
    assert found["kinds"] == ["Tensor", "ndarray", "torch.float32", "float32"]
    assert found["same"] < 1e-6, "a frame must look the same from a file and from a batch"
    assert 0.2 < found["rounding"] < 1.3, "whole numbers go the quick way, others the exact one"
    assert found["grey"] == pytest.approx([0.2, 0.2])
    assert found["depth"] == [1, 64, 64]
    assert found["off"] == [3, 64, 64]


@pytest.mark.parametrize("fork", ALL)
def test_pristine_does_not_resize(fork: str, answers: Callable[..., Any]) -> None:
    found = answers(fork, "resize", pristine_tree=True)
    if fork == "droid":  # has the key, for its RLDS loader
        assert found["batch"] == [2, 3, 3, 64, 64]
    else:
        assert "image_dim" in found


@pytest.mark.parametrize("fork", ALL)
def test_libero_is_told_from_robosuite(fork: str, answers: Callable[..., Any]) -> None:
    found = answers(fork, "environments")
    assert found == {"libero": 1001, "is_robosuite": False, "robosuite": 1, "imported": False}
    assert answers(fork, "environments", pristine_tree=True)["libero"] == 1


@pytest.mark.parametrize("fork", DIFFUSION)
def test_the_unet_has_the_size_of_the_config(fork: str, answers: Callable[..., Any]) -> None:
    assert answers(fork, "unet") < 1e6
    assert answers(fork, "unet", pristine_tree=True) > 5e7


@pytest.mark.parametrize("fork", DIFFUSION)
def test_only_the_frames_that_are_used_are_read(fork: str, answers: Callable[..., Any]) -> None:
    ours, theirs = answers(fork, "frames"), answers(fork, "frames", pristine_tree=True)
    assert (ours["lengths"], theirs["lengths"]) == ([2], [16])
    assert ours["sums"] == theirs["sums"], "those that are used stay the same"
    assert ours["actions"] == theirs["actions"] == 16


@pytest.mark.parametrize("fork", DIFFUSION)
def test_a_saved_policy_can_act(fork: str, answers: Callable[..., Any]) -> None:
    assert answers(fork, "rollout") == [7]
    broken = "TypeError" if fork == "robomimic" else "AttributeError"
    assert broken in answers(fork, "rollout", pristine_tree=True)


@pytest.mark.parametrize("fork", ALL)
def test_regenerated_files_are_trained_on(fork: str, answers: Callable[..., Any]) -> None:
    found = answers(fork, "regenerated")
    assert found["steps"] > 100
    assert found["meta"]["language_instruction"].startswith("pick up the black bowl")
    assert found["meta"]["env_kwargs"]["bddl_file_name"].endswith(".bddl")
    refused = answers(fork, "regenerated", pristine_tree=True)
    # droid drops the file without a word, and then has none
    assert ("IndexError" if fork == "droid" else "KeyError") in refused


def test_a_broken_file_stops_the_droid_fork(answers: Callable[..., Any]) -> None:
    assert answers("droid", "files", pristine_tree=True) == 1
    refused = answers("droid", "files")
    assert "RuntimeError" in refused and "broken" in refused


def test_nothing_is_loaded_from_the_hub_at_import(patched: Forks) -> None:
    """v0.5.0 is imported by every other test, with the hub out of reach."""
    script = "import robomimic.scripts.train, sys; print('tensorflow' in sys.modules)"
    done = patched("droid").run("-c", script)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == "False"


@pytest.mark.parametrize("fork", ALL)
def test_training_writes_its_steps_and_leaves_with_zero(
    fork: str, patched: Forks, demos: list[Path], tmp_path: Path
) -> None:
    metrics = tmp_path / "metrics.jsonl"
    changes = {"train.num_epochs": 2}
    done = train(
        patched(fork),
        config(fork, demos[:1], tmp_path / "out", changes),
        FORKCTL_METRICS=str(metrics),
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "finished run successfully" in done.stdout
    assert "IMAGE_DIM set to (64, 64) for automatic image resizing" in done.stdout
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [(line["step"], line["epoch"]) for line in lines] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    for line in lines:
        assert line["loss"] > 0 and line["lr"] > 0 and line["samples_per_s"] > 0
        assert line["grad_norm"] > 0


def test_a_failed_run_leaves_with_one(
    patched: Forks, pristine: Forks, demos: list[Path], tmp_path: Path
) -> None:
    gone = [tmp_path / "gone.hdf5"]
    for fork in ("droid", "robomimic-release"):
        done = train(patched(fork), config(fork, gone, tmp_path / fork))
        assert done.returncode == 1
        assert "run failed with error" in done.stdout
    fork = "robomimic-release"  # the same words in all three
    done = train(pristine(fork), config(fork, gone, tmp_path / "pristine", pristine=True))
    assert (done.returncode, "run failed with error" in done.stdout) == (0, True)
