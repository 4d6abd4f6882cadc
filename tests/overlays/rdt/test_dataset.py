"""The overlay's dataset: what RDT's loader is handed. No torch, no upstream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from forkctl_rdt.dataset import LiberoDataset
from forkctl_rdt.options import Options

from forkctl.errors import ForkctlError
from forkctl.families.rdt.vectors import REPRESENTATIONS
from forkctl.libero.errors import DataFileError
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.schema import PUBLISHED_LAYOUTS
from forkctl.libero.units.conventions import Pose

COMMON = {"action_chunk_size": 64, "img_history_size": 2}


@pytest.fixture(scope="module", params=PUBLISHED_LAYOUTS, ids=lambda layout: layout.value)
def folder(request: pytest.FixtureRequest, synthetic: Callable[..., Path]) -> Path:
    return synthetic(tasks=2, demos=3, layout=request.param)


def dataset(folder: Path, *, held_out: bool = False, words: bool = False, **options: Any) -> Any:
    made = Options("spatial", (str(folder),), **options)
    return LiberoDataset(made, COMMON, held_out=held_out, precomputed_language=words)


def stored(item: LiberoDataset, index: int) -> tuple[Any, Any, int]:
    """The demo's observations and actions, and which action goes with the first observation."""
    demo = item.demos[index]
    obs = {key: np.array(demo.obs(key)) for key in demo.obs_keys}
    return obs, np.array(demo.actions()), demo.pairing().offset


def test_each_step_of_each_demo_is_an_item(folder: Path) -> None:
    """So a demo counts by its length, as in upstream's own draw; and each demo is an episode."""
    made = dataset(folder)
    assert made.get_dataset_name() == "spatial"
    lengths = [len(demo.pairing()) for demo in made.demos]
    assert [len(made.vectors(i)[0]) for i in range(6)] == lengths
    assert max(lengths) < 256, "a test of short episodes has short ones"
    steps = [made.step_of(index) for index in range(len(made))]
    assert steps == [(demo, step) for demo, length in enumerate(lengths) for step in range(length)]
    index = lengths[0] + 7
    item, expected = made.get_item(index), made.sample_at(1, 7)
    for name, value in expected.items():
        np.testing.assert_array_equal(item[name], value, err_msg=name)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_actions_go_with_the_observation_that_they_answer(
    folder: Path, representation: str
) -> None:
    """What is read back from an item is what the demonstrator did there, raw or aligned."""
    made = dataset(folder, representation=representation)
    obs, actions, offset = stored(made, 1)
    for step in (0, 1, 37):
        item = made.sample_at(1, step)
        assert item["actions"].shape == (64, 128)
        pose = Pose(obs["ee_pos"][step : step + 64], obs["ee_ori"][step : step + 64])
        back = made.layout.to_libero(item["actions"], pose)
        expected = actions[step + offset : step + offset + 64]
        np.testing.assert_allclose(back, expected, atol=1e-6)
        rows = {key: values[max(step - 1, 0) : step + 1] for key, values in obs.items()}
        np.testing.assert_allclose(item["state"], made.layout.states(rows)[-1:])
        assert item["meta"]["step_id"] == step


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_after_the_end_the_arm_holds_still(folder: Path, representation: str) -> None:
    made = dataset(folder, representation=representation, joints=True)
    steps = len(made.demos[0].pairing())
    whole = made.vectors(0)[1]
    item = made.sample_at(0, steps - 3)["actions"]
    np.testing.assert_allclose(item[:3], whole[-3:])
    assert (item[3:] == item[3]).all(), "it holds"
    np.testing.assert_allclose(item[3, 10], whole[-1, 10], err_msg="the gripper as it was")
    if representation == "absolute":
        np.testing.assert_allclose(item[3], whole[-1])
    else:
        moved = item[3, 39:45] if representation == "velocity" else item[3, 30:33]
        assert not moved.any()


def test_both_cameras_now_and_before(folder: Path) -> None:
    made = dataset(folder)
    obs, _, _ = stored(made, 2)
    item = made.sample_at(2, 9)
    for key, camera in (("cam_high", "agentview_rgb"), ("cam_right_wrist", "eye_in_hand_rgb")):
        np.testing.assert_array_equal(item[key], obs[camera][8:10, ::-1, ::-1])
        assert item[f"{key}_mask"].tolist() == [True, True]
    assert item["cam_left_wrist"].shape == (2, 0, 0, 0)
    first = made.sample_at(2, 0)
    assert first["cam_high"].shape == (2, 32, 32, 3)
    assert first["cam_high_mask"].tolist() == [False, True]
    as_stored = dataset(folder, rotate_images=False).sample_at(2, 9)
    np.testing.assert_array_equal(as_stored["cam_high"], obs["agentview_rgb"][8:10])


def test_an_item_is_free_to_be_changed(folder: Path) -> None:
    made = dataset(folder)
    before = made.sample_at(0, 5)
    again = made.sample_at(0, 5)
    for value in again.values():
        if isinstance(value, np.ndarray):
            np.logical_not(value, out=value) if value.dtype == bool else np.add(value, 1, out=value)
    for name, value in made.sample_at(0, 5).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_moments_of_the_episode(folder: Path) -> None:
    made = dataset(folder)
    states, actions = made.vectors(3)
    item = made.sample_at(3, 0)
    np.testing.assert_allclose(item["state_mean"], states.mean(axis=0))
    np.testing.assert_allclose(item["state_std"], states.std(axis=0))
    rms = np.sqrt((actions**2).mean(axis=0))
    np.testing.assert_allclose(item["state_norm"], rms, err_msg="it scales the error of actions")
    assert item["state_indicator"].tolist() == made.layout.mask().tolist()


def test_held_out_demos_are_kept_apart(folder: Path) -> None:
    names = [
        {(demo.file.path, demo.name) for demo in dataset(folder, holdout=1, held_out=side).demos}
        for side in (False, True)
    ]
    assert [len(side) for side in names] == [4, 2]
    assert not names[0] & names[1]
    with pytest.raises(DataFileError, match="no demo is left"):
        dataset(folder, holdout=3)
    with pytest.raises(DataFileError, match="no demo is held out"):
        dataset(folder, held_out=True)


def test_the_instruction_is_a_sentence_or_the_file_of_one(folder: Path, tmp_path: Path) -> None:
    said = dataset(folder).sample_at(0, 0)["meta"]["instruction"]
    assert said[0].isupper() and said.endswith("plate.")
    with pytest.raises(ForkctlError, match="embeddings"):
        dataset(folder, words=True).sample_at(0, 0)
    made = dataset(folder, words=True, embeddings=str(tmp_path))
    path = Path(made.sample_at(0, 0)["meta"]["instruction"])
    assert path == tmp_path / f"{made.demos[0].file.task}.pt"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"actions": lambda values: values * np.nan}, "not finite"),
        ({"obs/ee_pos": lambda values: values[:-3]}, "other numbers of observations"),
        ({"obs/agentview_rgb": lambda values: values[:-1]}, "other numbers of observations"),
    ],
)
def test_a_broken_demo_is_named(folder: Path, tmp_path: Path, spoil: Any, said: str) -> None:
    source = sorted(folder.glob("*.hdf5"))[0]
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    with open_demo_file(path) as file:
        broken = file.demo_names[1]
    with h5py.File(path, "r+") as written:
        for name, change in spoil.items():
            values = change(written[f"data/{broken}/{name}"][:])
            del written[f"data/{broken}/{name}"]
            written[f"data/{broken}/{name}"] = values
    with pytest.raises(DataFileError, match=said) as caught:
        dataset(tmp_path, alignment="raw")
    assert broken in str(caught.value) and source.name in str(caught.value)


def test_a_file_that_was_cut_short_is_named(folder: Path, tmp_path: Path) -> None:
    source = sorted(folder.glob("*.hdf5"))[0]
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(DataFileError, match=source.stem):
        dataset(tmp_path)
    with pytest.raises(ForkctlError, match="no such file or folder"):
        dataset(tmp_path / "gone")
