"""A rollout in the form of a LIBERO demonstration: the same arrays, names, types and timing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, Optional

import numpy as np

from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND, Layout
from forkctl.libero.synth import arm, cameras
from forkctl.libero.synth.expert import Rollouts
from forkctl.libero.synth.scene import Scene

Array = np.ndarray

STEP_SECONDS = 0.05


@dataclass(frozen=True)
class Episode:
    """Datasets of one demo. `obs` are keyed as in the file, frames included when drawn."""

    actions: Array
    states: Array
    robot_states: Array
    rewards: Array
    dones: Array
    obs: Dict[str, Array]

    def datasets(self) -> Iterator[tuple[str, Array]]:
        for name in ("actions", "states", "robot_states", "rewards", "dones"):
            yield name, getattr(self, name)
        for key, values in self.obs.items():
            yield f"obs/{key}", values


def episode_of(
    rollouts: Rollouts, index: int, scene: Scene, layout: Layout, image_size: Optional[int]
) -> Episode:
    """Rollout `index`; `image_size` None leaves the frames out."""
    length = int(rollouts.length[index])
    before = slice(0, length)
    # LIBERO's recorder saw the world after each action; the regenerated set, before it.
    seen = slice(1, length + 1) if layout is Layout.RAW else before
    position, quaternion = rollouts.position[index], rollouts.quaternion[index]
    finger, objects = rollouts.finger[index], rollouts.objects[index]
    fingers = np.stack([finger, -finger], axis=1)
    orientation = arm.to_rotation_vector(quaternion)
    obs = {
        "gripper_states": fingers[seen],
        "joint_states": arm.joint_positions(position, quaternion)[seen],
        "ee_states": np.concatenate([position, orientation], axis=1)[seen],
        "ee_pos": position[seen],
        "ee_ori": orientation[seen],
    }
    if image_size is not None:
        drawn, enlarge = _drawing_size(image_size)
        view = (position[seen], finger[seen], objects[seen], rollouts.goal[index], drawn)
        for camera, draw in ((AGENTVIEW, cameras.agentview), (EYE_IN_HAND, cameras.eye_in_hand)):
            frames = draw(scene, *view)
            obs[camera] = frames.repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    last = np.zeros(length, dtype=np.uint8)
    last[-1] = 1
    return Episode(
        actions=rollouts.action[index, before],
        states=_flat_states(rollouts, index)[before],
        robot_states=np.concatenate([fingers, position, quaternion], axis=1)[seen],
        rewards=last,
        dones=last.copy(),
        obs=obs,
    )


def _flat_states(rollouts: Rollouts, index: int) -> Array:
    """Time, joint positions, joint velocities, in the order of a MuJoCo state."""
    position, quaternion = rollouts.position[index], rollouts.quaternion[index]
    finger, objects = rollouts.finger[index], rollouts.objects[index]
    joints = arm.joint_positions(position, quaternion)
    upright = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (*objects.shape[:2], 4))
    bodies = np.concatenate([objects, upright], axis=2).reshape(len(objects), -1)
    places = np.concatenate([joints, np.stack([finger, -finger], axis=1), bodies], axis=1)
    speeds = np.zeros((len(places), 9 + 6 * objects.shape[1]))
    speeds[1:, :9] = np.diff(places[:, :9], axis=0) / STEP_SECONDS
    time = np.arange(len(places))[:, None] * STEP_SECONDS
    return np.concatenate([time, places, speeds], axis=1)


def _drawing_size(image_size: int) -> tuple[int, int]:
    """Size to draw at and times to enlarge: the simple shapes gain nothing above 128 pixels."""
    enlarge = image_size // 128 if image_size % 128 == 0 else 1
    return image_size // enlarge, enlarge
