"""Defects for everything that validation must find in a file: those of `data synth`, and more.

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
from forkctl.libero.units.rotations import matrix_from_axis_angle

Array = npt.NDArray[Any]
Change = Callable[[Array], Array]
Spoil = Callable[[h5py.Group], None]
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


def _lose_demos(data: h5py.Group) -> None:
    """As zeroes in the index do: names are gone, and what they named with them."""
    for demo in demos_of(data)[2:]:
        del data[demo.name]


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
    "demos-lost": Defect("demos-lost", _lose_demos),
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
    for name, x in (("obs/ee_pos", 0), ("obs/ee_states", 0), ("robot_states", 2)):
        one_of(data)[name][20:, x] += 0.2


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


def _of_length(steps: int) -> Spoil:
    """Cut a demo, or stay at its end, keeping attributes and clock true."""

    def spoil(data: h5py.Group) -> None:
        demo = one_of(data)
        before = len(demo["actions"])
        take_rows(data, demo, np.minimum(np.arange(steps), before - 1))
        if steps > before:  # a hand that trembles, so that these are no still steps
            demo["actions"][before:, 0] = np.resize([0.01, -0.01], steps - before)
            demo["states"][:, 0] = demo["states"][0, 0] + np.arange(steps) / 20

    return spoil


def _gripper(change: Callable[[Array], Array]) -> Callable[[h5py.Group], None]:
    return in_all("actions", lambda a: np.column_stack([a[:, :6], change(a[:, 6])]))


# Commands that are not those of the motion.


def in_each(demos: Callable[[h5py.Group], list[h5py.Group]], name: str, change: Change) -> Spoil:
    def spoil(data: h5py.Group) -> None:
        for demo in demos(data):
            demo[name][...] = change(demo[name][...])

    return spoil


def alone(data: h5py.Group) -> list[h5py.Group]:
    return [one_of(data)]


def late(steps: int) -> Change:
    """Each row is that of `steps` rows before; the first stays until then."""

    def change(rows: Array) -> Array:
        return rows[np.clip(np.arange(len(rows)) - steps, 0, len(rows) - 1)]

    return change


def columns(*order: int) -> Change:
    return lambda rows: rows[:, list(order)]


def factors(*each: float) -> Change:
    return lambda rows: rows * np.array(each)


def as_euler(axis_angle: Array) -> Array:
    """Roll, pitch, yaw of the same orientation."""
    m = matrix_from_axis_angle(axis_angle)
    roll, yaw = np.arctan2(m[:, 2, 1], m[:, 2, 2]), np.arctan2(m[:, 1, 0], m[:, 0, 0])
    return np.stack([roll, -np.arcsin(np.clip(m[:, 2, 0], -1, 1)), yaw], axis=1)


def orientation(change: Change) -> Spoil:
    def spoil(data: h5py.Group) -> None:
        for demo in demos_of(data):
            demo["obs/ee_ori"][...] = change(demo["obs/ee_ori"][...])
            demo["obs/ee_states"][:, 3:] = demo["obs/ee_ori"][...]

    return spoil


def position(change: Change) -> Spoil:
    def spoil(data: h5py.Group) -> None:
        for demo in demos_of(data):
            demo["obs/ee_pos"][...] = change(demo["obs/ee_pos"][...])
            demo["obs/ee_states"][:, :3] = demo["obs/ee_pos"][...]

    return spoil


# Rows of whole demos.


def of_rows(
    choose: Callable[[int], Array], demos: Callable[[h5py.Group], list[h5py.Group]] = demos_of
) -> Spoil:
    """Only these rows, with attributes and dones that know of no others."""

    def spoil(data: h5py.Group) -> None:
        for demo in demos(data):
            take_rows(data, demo, choose(len(demo["actions"])))

    return spoil


def take_rows(data: h5py.Group, demo: h5py.Group, rows: Array) -> None:
    before = len(demo["actions"])
    for name in [*(each for each in demo if each != "obs"), *(f"obs/{k}" for k in demo["obs"])]:
        _rewrite(demo, name, demo[name][...][rows])
    for name in ("dones", "rewards"):
        demo[name][...] = np.arange(len(rows)) == len(rows) - 1
    if "num_samples" in demo.attrs:
        demo.attrs["num_samples"] = len(rows)
        data.attrs["total"] += len(rows) - before


def every(steps: int) -> Callable[[int], Array]:
    return lambda length: np.arange(0, length, steps)


def part(begin: float, end: float) -> Callable[[int], Array]:
    return lambda length: np.arange(int(begin * length), int(end * length))


def without(begin: float, end: float) -> Callable[[int], Array]:
    return lambda length: np.r_[0 : int(begin * length), int(end * length) : length]


def again(begin: float, end: float) -> Callable[[int], Array]:
    return lambda length: np.r_[0 : int(end * length), int(begin * length) : length]


def _joined(data: h5py.Group) -> None:
    """The first half of one demo, and then the second of another."""
    demo, other = one_of(data), demos_of(data)[0]
    half, rest = len(demo["actions"]) // 2, len(other["actions"]) // 3
    names = [*(each for each in demo if each != "obs"), *(f"obs/{k}" for k in demo["obs"])]
    before = len(demo["actions"])
    for name in names:
        _rewrite(demo, name, np.concatenate([demo[name][:half], other[name][rest:]]))
    if "num_samples" in demo.attrs:
        demo.attrs["num_samples"] = len(demo["actions"])
        data.attrs["total"] += len(demo["actions"]) - before
    demo["dones"][: len(demo["dones"]) - 1] = 0


def with_noops(share: float) -> Spoil:
    """Rows in which nothing moves, put in where the hand is slow until they are this share."""

    def spoil(data: h5py.Group) -> None:
        for demo in demos_of(data):
            length = len(demo["actions"])
            count = int(length * share / (1 - share))
            speed = np.linalg.norm(np.diff(demo["obs/ee_pos"][...], axis=0), axis=1)
            put = np.resize(1 + np.argsort(speed)[: length // 5], count)
            rows = np.sort(np.r_[np.arange(length), put])
            same = rows[1:] == rows[:-1]  # before the action where the observation is from before
            new = np.r_[False, same] if data.attrs else np.r_[same, False]
            take_rows(data, demo, rows)
            demo["actions"][...] = np.where(
                new[:, None] & (np.arange(7) < 6), 0.0, demo["actions"][...]
            )
            demo["states"][:, 0] = demo["states"][0, 0] + np.arange(len(rows)) / 20

    return spoil


def near_copy(noise: float, skip: int) -> Spoil:
    """The last demo is the first again, a little later and not to the last bit."""

    def spoil(data: h5py.Group) -> None:
        _duplicate_demo(data)
        copy = demos_of(data)[-1]
        take_rows(data, copy, np.arange(skip, len(copy["actions"])))
        random = np.random.default_rng(0)
        moved = copy["actions"][:, :6] + random.normal(0, noise, (len(copy["actions"]), 6))
        still = copy["actions"][:, :6] == 0
        copy["actions"][:, :6] = np.where(still, 0.0, np.clip(moved, -0.9375, 0.9375))

    return spoil


# Frames.


def frames_of(
    camera: str, change: Change, demos: Callable[[h5py.Group], list[h5py.Group]] = demos_of
) -> Spoil:
    return in_each(demos, f"obs/{camera}", change)


def both(change: Change, demos: Callable[[h5py.Group], list[h5py.Group]] = demos_of) -> Spoil:
    def spoil(data: h5py.Group) -> None:
        for camera in CAMERAS:
            frames_of(camera, change, demos)(data)

    return spoil


def grey(frames: Array) -> Array:
    return np.repeat(frames.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1)


def darker(factor: float) -> Change:
    return lambda frames: (frames * factor).astype(np.uint8)


def grainy(frames: Array) -> Array:
    """No defect: what lossy compression does."""
    grain = np.random.default_rng(0).normal(0, 6, frames.shape)
    return np.clip(frames + grain, 0, 255).astype(np.uint8)


def swapped(demos: Callable[[h5py.Group], list[h5py.Group]]) -> Spoil:
    def spoil(data: h5py.Group) -> None:
        for demo in demos(data):
            demo[FRONT][...], demo[HAND][...] = demo[HAND][...], demo[FRONT][...]

    return spoil


def twice(source: str, demos: Callable[[h5py.Group], list[h5py.Group]] = demos_of) -> Spoil:
    def spoil(data: h5py.Group) -> None:
        for demo in demos(data):
            for name in (FRONT, HAND):
                demo[name][...] = demo[source][...]

    return spoil


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


RESPONSE: Mapping[str, Defect] = {
    "actions-late-1": Defect("action-shifted", in_all("actions", late(1))),
    "actions-late-3": Defect("action-shifted", in_all("actions", late(3))),
    "actions-quarter": Defect("action-scale", in_actions(*[0.25] * 6, 1)),
    "actions-x-y": Defect("action-swapped", in_all("actions", columns(1, 0, 2, 3, 4, 5, 6))),
    "rotations-inverted": Defect("action-inverted", in_actions(1, 1, 1, -1, -1, -1, 1)),
    "rotations-halved": Defect("action-scale", in_actions(1, 1, 1, 0.5, 0.5, 0.5, 1)),
    "euler-angles": Defect("pose-contradicts", orientation(as_euler)),
    "position-offset": Defect("pose-contradicts", position(lambda p: p + np.array([0.1, 0, 0]))),
    "gripper-inverted-in-one": Defect(
        "gripper-inverted", in_each(alone, "actions", factors(1, 1, 1, 1, 1, 1, -1))
    ),
    # held back while the rules were made
    "actions-early-2": Defect("action-shifted", in_all("actions", late(-2))),
    "actions-late-2-in-one": Defect("action-shifted", in_each(alone, "actions", late(2))),
    "actions-0.4": Defect("action-scale", in_actions(*[0.4] * 3, 1, 1, 1, 1)),
    "actions-0.1": Defect("action-scale", in_actions(*[0.1] * 3, 1, 1, 1, 1)),
    "actions-y-z": Defect("action-swapped", in_all("actions", columns(0, 2, 1, 3, 4, 5, 6))),
    "rotations-x-z": Defect("action-swapped", in_all("actions", columns(0, 1, 2, 5, 4, 3, 6))),
    "z-inverted-in-one": Defect(
        "action-inverted", in_each(alone, "actions", factors(1, 1, -1, 1, 1, 1, 1))
    ),
    "orientation-in-degrees": Defect("pose-contradicts", orientation(np.degrees)),
    "position-2cm": Defect("pose-contradicts", position(lambda p: p + np.array([0, 0, 0.02]))),
}
ROWS: Mapping[str, Defect] = {
    "rate-10": Defect("rate", of_rows(every(2))),
    "rate-5": Defect("rate", of_rows(every(4))),
    "joined": Defect("time-jump", _joined),
    "step-repeated": Defect("time-jump", of_rows(again(0.5, 0.55), alone)),
    "first-halves": Defect("episode-cut", of_rows(part(0, 0.5))),
    "third-noops": Defect("noop-share", with_noops(1 / 3)),
    "near-copy": Defect("duplicate-demo", near_copy(1e-4, 0)),
    # held back
    "rate-4": Defect("rate", of_rows(every(5))),
    "rate-10-in-one": Defect("rate", of_rows(every(2), alone)),
    "steps-doubled": Defect("time-jump", of_rows(lambda n: np.repeat(np.arange(n), 2)[:200])),
    "gap": Defect("time-jump", of_rows(without(0.1, 0.25), alone)),
    "block-again": Defect("time-jump", of_rows(again(0.4, 0.5), alone)),
    "reversed": Defect("time-jump", of_rows(lambda n: np.arange(n)[::-1], alone)),
    "second-halves": Defect("episode-cut", of_rows(part(0.5, 1))),
    "two-fifths-noops": Defect("noop-share", with_noops(0.4)),
    "near-copy-later": Defect("duplicate-demo", near_copy(1e-3, 2)),
}
PICTURES: Mapping[str, Defect] = {
    "bgr-in-one": Defect("image-bgr", both(lambda f: f[..., ::-1], alone)),
    "upright-in-one": Defect("image-orientation", both(lambda f: f[:, ::-1], alone)),
    "cameras-swapped-in-one": Defect("cameras-swapped", swapped(alone)),
    "front-camera-twice": Defect("camera-twice", twice(FRONT)),
    "grey": Defect("image-grey", both(grey)),
    "dark": Defect("image-dark", both(darker(0.2))),
    "frames-late-10": Defect("image-late", both(late(10))),
    # held back
    "mirrored-in-one": Defect("image-orientation", both(lambda f: f[:, :, ::-1], alone)),
    "hand-camera-twice-in-one": Defect("camera-twice", twice(HAND, alone)),
    "grey-hand": Defect("image-grey", frames_of(EYE_IN_HAND, grey)),
    "dark-in-one": Defect("image-dark", both(darker(0.35), alone)),
    "front-late-15": Defect("image-late", frames_of(AGENTVIEW, late(15))),
    "frames-early-8": Defect("image-late", both(late(-8))),
    "frames-late-12-in-one": Defect("image-late", both(late(12), alone)),
}

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
    **RESPONSE,
    **ROWS,
    **PICTURES,
    "cameras-swapped": Defect("cameras-swapped", swapped(demos_of)),
}
ALL = (*OF_WHOLE_FILES, *IN_DATA)
