"""One defect for everything that validation must find in a file: those of `data synth`, and more.

Each changes a finished file in place and nothing but what its name says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import AGENTVIEW, CAMERAS, EYE_IN_HAND, STATE_ARM_JOINTS
from forkctl.libero.synth.defects import (
    DEFECTS,
    Defect,
    demos_of,
    in_actions,
    in_all,
    in_frames,
    one_of,
    put_in,
)

Array = npt.NDArray[Any]
FRONT, HAND = f"obs/{AGENTVIEW}", f"obs/{EYE_IN_HAND}"


def spoil(path: Path, name: str) -> None:
    """Put the defect into the file at `path`."""
    if name in OF_WHOLE_FILES:
        OF_WHOLE_FILES[name](path)
    else:
        put_in(path, IN_DATA[name])


def finding_of(name: str) -> str:
    """The code that validation has to give, and the only one."""
    return "unreadable-file" if name in OF_WHOLE_FILES else IN_DATA[name].finding


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _overwrite_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"<html>not found</html>".ljust(2048))


OF_WHOLE_FILES: Mapping[str, Callable[[Path], None]] = {
    "truncated-file": _truncate,
    "not-hdf5": _overwrite_head,
}


def in_one(name: str, change: Callable[[Array], Array]) -> Callable[[h5py.Group], None]:
    """One demo's dataset by another, of another shape or type perhaps."""
    return lambda data: _rewrite(one_of(data), name, change(one_of(data)[name][...]))


def _rewrite(demo: h5py.Group, name: str, values: Array) -> None:
    del demo[name]
    demo.create_dataset(name, data=values)


# Files, datasets, attributes and names.


def _no_demos(data: h5py.Group) -> None:
    for name in list(data):
        del data[name]
    data.attrs["num_demos"] = data.attrs["total"] = 0


def _unexpected_member(data: h5py.Group) -> None:
    data.create_group("mask")


def _missing_camera(data: h5py.Group) -> None:
    del one_of(data)[HAND]


def _damaged_chunk(data: h5py.Group) -> None:
    """A compressed frame whose bytes are not what was compressed."""
    demo = one_of(data)
    frames = demo[FRONT][...]
    del demo[FRONT]
    chunks = (1, *frames.shape[1:])
    dataset = demo.create_dataset(FRONT, data=frames, chunks=chunks, compression="gzip")
    dataset.id.write_direct_chunk((len(frames) // 2, 0, 0, 0), b"\0" * 100)


def _missing_attrs(data: h5py.Group) -> None:
    del data.attrs["env_args"]


def _missing_demo_attrs(data: h5py.Group) -> None:
    del one_of(data).attrs["init_state"]


def _attr_invalid(data: h5py.Group) -> None:
    data.attrs["env_args"] = "{'type': 1}"


def _attr_mismatch(data: h5py.Group) -> None:
    one_of(data).attrs["num_samples"] += 1


def _image_convention(data: h5py.Group) -> None:
    data.attrs["macros_image_convention"] = "opencv"


def _demo_gap(data: h5py.Group) -> None:
    removed = one_of(data)
    data.attrs["total"] -= len(removed["actions"])
    data.attrs["num_demos"] -= 1
    del data[removed.name]


def _language_mismatch(data: h5py.Group) -> None:
    info = json.loads(data.attrs["problem_info"])
    info["language_instruction"] = "pour the coffee into the robot"
    data.attrs["problem_info"] = json.dumps(info)


def _duplicate_demo(data: h5py.Group) -> None:
    first, *_, last = demos_of(data)
    if "total" in data.attrs:
        data.attrs["total"] += len(first["actions"]) - len(last["actions"])
    name = last.name
    del data[name]
    data.copy(first, name)


# Regenerated files have no attributes to spoil, and no numbering without gaps.
RAW_ONLY: Mapping[str, Defect] = {
    "no-demos": Defect("no-demos", _no_demos),
    "missing-attrs": Defect("missing-attrs", _missing_attrs),
    "missing-demo-attrs": Defect("missing-attrs", _missing_demo_attrs),
    "attr-invalid": Defect("attr-invalid", _attr_invalid),
    "attr-mismatch": Defect("attr-mismatch", _attr_mismatch),
    "image-convention-attr": Defect("image-convention-attr", _image_convention),
    "demo-gap": Defect("demo-gap", _demo_gap),
    "language-mismatch": Defect("language-mismatch", _language_mismatch),
}


# Numbers, timing and gripper.


def _infinite_state(data: h5py.Group) -> None:
    one_of(data)["obs/joint_states"][5, 2] = np.inf


def _out_of_range(data: h5py.Group) -> None:
    one_of(data)["actions"][3, 0] = 1.5


def _ee_inconsistent(data: h5py.Group) -> None:
    one_of(data)["obs/ee_states"][:, 2] += 0.1


def _no_terminal(data: h5py.Group) -> None:
    one_of(data)["dones"][...] = 0


def _shuffled_axis(data: h5py.Group) -> None:
    """Commands for x in another order than they were executed in."""
    for demo in demos_of(data):
        commands = demo["actions"][:, 0]
        large = np.abs(commands) > 0.05  # the others stay, so that no step becomes a still one
        commands[large] = np.random.default_rng(0).permutation(commands[large])
        demo["actions"][:, 0] = commands


def _jump(data: h5py.Group) -> None:
    for name in ("obs/ee_pos", "obs/ee_states"):
        one_of(data)[name][20:, 0] += 0.2


def _alignment_mixed(data: h5py.Group) -> None:
    """One demo in the other timing: its states are what the joints say."""
    demo = one_of(data)
    joints, states = demo["obs/joint_states"][...], demo["states"][...]
    as_raw = np.allclose(joints[:-1], states[1:, STATE_ARM_JOINTS])
    late = joints if as_raw else np.concatenate([joints[:1], joints[:-1]])
    demo["states"][:, STATE_ARM_JOINTS] = late


def _pauses(actions: Array) -> Array:
    """Two steps of three do nothing."""
    works = np.arange(len(actions)) % 3 == 0
    return np.column_stack([actions[:, :6] * works[:, None], actions[:, 6]])


def _of_length(steps: int) -> Callable[[h5py.Group], None]:
    """Cut a demo, or stay at its end, keeping the attributes true."""

    def spoil(data: h5py.Group) -> None:
        demo = one_of(data)
        before = len(demo["actions"])
        rows = np.minimum(np.arange(steps), before - 1)
        for name in [*(each for each in demo if each != "obs"), *(f"obs/{k}" for k in demo["obs"])]:
            _rewrite(demo, name, demo[name][...][rows])
        demo["dones"][...] = np.arange(steps) == steps - 1
        if steps > before:  # a hand that trembles, so that these are no still steps
            demo["actions"][before:, 0] = np.resize([0.01, -0.01], steps - before)
        if "num_samples" in demo.attrs:
            demo.attrs["num_samples"] = steps
            data.attrs["total"] += steps - before

    return spoil


def _gripper(change: Callable[[Array], Array]) -> Callable[[h5py.Group], None]:
    return in_all("actions", lambda a: np.column_stack([a[:, :6], change(a[:, 6])]))


# Frames.


def _odd_size(data: h5py.Group) -> None:
    for demo in demos_of(data):
        for camera in CAMERAS:
            _rewrite(demo, f"obs/{camera}", demo[f"obs/{camera}"][:, :100, :100])


def _mixed_sizes(data: h5py.Group) -> None:
    for name in (FRONT, HAND):
        _rewrite(one_of(data), name, one_of(data)[name][...].repeat(2, 1).repeat(2, 2))


def _frozen(data: h5py.Group) -> None:
    frames = one_of(data)[HAND]
    frames[...] = frames[:1]


def _swap_cameras(data: h5py.Group) -> None:
    for demo in demos_of(data):
        demo[FRONT][...], demo[HAND][...] = demo[HAND][...], demo[FRONT][...]


IN_DATA: Mapping[str, Defect] = {
    **DEFECTS,
    **RAW_ONLY,
    "unexpected-member": Defect("unexpected-member", _unexpected_member),
    "missing-camera": Defect("missing-dataset", _missing_camera),
    "damaged-chunk": Defect("unreadable-dataset", _damaged_chunk),
    "eight-dimensional-actions": Defect(
        "wrong-shape", in_one("actions", lambda actions: np.pad(actions, ((0, 0), (0, 1))))
    ),
    "channels-first": Defect("wrong-shape", in_one(FRONT, lambda f: f.transpose(0, 3, 1, 2))),
    "float-images": Defect("wrong-dtype", in_one(FRONT, lambda f: f.astype(np.float32) / 255)),
    "integer-actions": Defect(
        "wrong-dtype", in_one("actions", lambda actions: np.round(actions).astype(np.int64))
    ),
    "length-mismatch": Defect("length-mismatch", in_one("obs/ee_pos", lambda rows: rows[:-3])),
    "duplicate-demo": Defect("duplicate-demo", _duplicate_demo),
    "infinite-state": Defect("non-finite", _infinite_state),
    "action-out-of-range": Defect("action-out-of-range", _out_of_range),
    "normalised-rotations": Defect("rotation-range", in_actions(1, 1, 1, *[1 / 0.375] * 3, 1)),
    "action-constant": Defect("action-constant", in_actions(1, 1, 1, 0, 1, 1, 1)),
    "ee-inconsistent": Defect("ee-inconsistent", _ee_inconsistent),
    "no-terminal": Defect("no-terminal", _no_terminal),
    "action-unrelated": Defect("action-unrelated", _shuffled_axis),
    "pose-jump": Defect("pose-jump", _jump),
    "alignment-unclear": Defect(
        "alignment-unclear", in_one("obs/joint_states", lambda rows: np.roll(rows, 7, axis=0))
    ),
    "alignment-mixed": Defect("alignment-mixed", _alignment_mixed),
    "noop-share": Defect("noop-share", in_all("actions", _pauses)),
    "episode-long": Defect("episode-long", _of_length(700)),
    "episode-short": Defect("episode-short", _of_length(8)),
    "gripper-open": Defect("gripper-convention", _gripper(lambda g: (g < 0).astype(float))),
    "gripper-continuous": Defect("gripper-continuous", in_actions(1, 1, 1, 1, 1, 1, 0.8)),
    "gripper-still": Defect("gripper-still", _gripper(lambda g: np.full(len(g), -1.0))),
    "gripper-states": Defect("gripper-states", in_all("obs/gripper_states", np.abs)),
    "images-mirrored": Defect("image-orientation", in_frames(lambda frames: frames[:, :, ::-1])),
    "image-size": Defect("image-size", _odd_size),
    "image-size-mixed": Defect("image-size-mixed", _mixed_sizes),
    "image-range": Defect(
        "image-range", in_frames(lambda frames: (frames / 255.0).round().astype(np.uint8))
    ),
    "image-frozen": Defect("image-frozen", _frozen),
    "cameras-swapped": Defect("cameras-swapped", _swap_cameras),
}
ALL = (*OF_WHOLE_FILES, *IN_DATA)
