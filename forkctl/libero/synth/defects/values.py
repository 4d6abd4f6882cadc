"""Numbers, timing and gripper that are not what they should be."""

from __future__ import annotations

import h5py
import numpy as np

from forkctl.libero.schema import STATE_ARM_JOINTS
from forkctl.libero.synth.defects.registry import (
    Array,
    defect,
    demos_of,
    for_all,
    one_of,
    rewrite,
)


@defect("nan-action", "non-finite")
def _nan_action(data: h5py.Group) -> None:
    one_of(data)["actions"][5, 2] = np.nan


@defect("infinite-state", "non-finite")
def _infinite_state(data: h5py.Group) -> None:
    one_of(data)["obs/joint_states"][5, 2] = np.inf


@defect("action-out-of-range")
def _out_of_range(data: h5py.Group) -> None:
    one_of(data)["actions"][3, 0] = 1.5


@defect("metric-actions")
def _metric(data: h5py.Group) -> None:
    scale = np.array([0.05] * 3 + [0.5] * 3 + [1.0])
    for_all(data, "actions", lambda actions: actions * scale)


@defect("normalised-rotations", "rotation-range")
def _normalised_rotations(data: h5py.Group) -> None:
    scale = np.array([1.0] * 3 + [1 / 0.375] * 3 + [1.0])
    for_all(data, "actions", lambda actions: actions * scale)


@defect("action-constant")
def _constant(data: h5py.Group) -> None:
    for_all(data, "actions", lambda actions: actions * [1, 1, 1, 0, 1, 1, 1])


@defect("ee-inconsistent")
def _ee_inconsistent(data: h5py.Group) -> None:
    one_of(data)["obs/ee_states"][:, 2] += 0.1


@defect("no-terminal")
def _no_terminal(data: h5py.Group) -> None:
    one_of(data)["dones"][...] = 0


@defect("action-inverted")
def _inverted_axis(data: h5py.Group) -> None:
    for_all(data, "actions", lambda actions: actions * [1, -1, 1, 1, 1, 1, 1])


@defect("action-unrelated")
def _unrelated_axes(data: h5py.Group) -> None:
    """Commands for x in another order than they were executed in."""
    for demo in demos_of(data):
        commands = demo["actions"][:, 0]
        large = np.abs(commands) > 0.05  # the others stay, so that no step becomes a still one
        commands[large] = np.random.default_rng(0).permutation(commands[large])
        demo["actions"][:, 0] = commands


@defect("pose-jump")
def _jump(data: h5py.Group) -> None:
    demo = one_of(data)
    for name in ("obs/ee_pos", "obs/ee_states"):
        demo[name][20:, 0] += 0.2


@defect("alignment-unclear")
def _unclear(data: h5py.Group) -> None:
    demo = one_of(data)
    demo["obs/joint_states"][...] = np.roll(demo["obs/joint_states"][...], 7, axis=0)


@defect("alignment-mixed")
def _mixed(data: h5py.Group) -> None:
    """One demo in the other timing: its states are what the joints say."""
    demo = one_of(data)
    joints, states = demo["obs/joint_states"][...], demo["states"][...]
    as_raw = np.allclose(joints[:-1], states[1:, STATE_ARM_JOINTS])
    late = joints if as_raw else np.concatenate([joints[:1], joints[:-1]])
    demo["states"][:, STATE_ARM_JOINTS] = late


@defect("noop-share")
def _noops(data: h5py.Group) -> None:
    def pause(actions: Array) -> Array:
        """Two steps of three do nothing."""
        works = np.arange(len(actions)) % 3 == 0
        return np.column_stack([actions[:, :6] * works[:, None], actions[:, 6]])

    for_all(data, "actions", pause)


@defect("episode-long")
def _long(data: h5py.Group) -> None:
    demo = one_of(data)
    _resize_demo(data, demo, 700)


@defect("episode-short")
def _short(data: h5py.Group) -> None:
    _resize_demo(data, one_of(data), 8)


def _resize_demo(data: h5py.Group, demo: h5py.Group, steps: int) -> None:
    """Cut a demo, or stay at its end, keeping the attributes true."""
    before = len(demo["actions"])
    rows = np.minimum(np.arange(steps), before - 1)
    names = [name for name in demo if name != "obs"] + [f"obs/{key}" for key in demo["obs"]]
    for name in names:
        rewrite(demo, name, demo[name][...][rows])
    demo["dones"][...] = np.arange(steps) == steps - 1
    if steps > before:  # a hand that trembles, so that these are no still steps
        demo["actions"][before:, 0] = np.resize([0.01, -0.01], steps - before)
    if "num_samples" in demo.attrs:
        demo.attrs["num_samples"] = steps
        data.attrs["total"] += steps - before


@defect("gripper-inverted")
def _gripper_inverted(data: h5py.Group) -> None:
    for_all(data, "actions", lambda actions: actions * [1, 1, 1, 1, 1, 1, -1])


@defect("gripper-01", "gripper-convention")
def _gripper_01(data: h5py.Group) -> None:
    for_all(data, "actions", lambda a: np.column_stack([a[:, :6], (a[:, 6] > 0).astype(float)]))


@defect("gripper-open", "gripper-convention")
def _gripper_open(data: h5py.Group) -> None:
    """1 = open."""
    for_all(data, "actions", lambda a: np.column_stack([a[:, :6], (a[:, 6] < 0).astype(float)]))


@defect("gripper-continuous")
def _gripper_continuous(data: h5py.Group) -> None:
    for_all(data, "actions", lambda actions: actions * [1, 1, 1, 1, 1, 1, 0.8])


@defect("gripper-still")
def _gripper_still(data: h5py.Group) -> None:
    for_all(data, "actions", lambda a: np.column_stack([a[:, :6], np.full(len(a), -1.0)]))


@defect("gripper-states")
def _gripper_states(data: h5py.Group) -> None:
    """Both fingers positive, as some converters write them."""
    for_all(data, "obs/gripper_states", np.abs)
