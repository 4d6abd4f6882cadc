"""A rollout in the form of a LIBERO demonstration: the same arrays, names, types and timing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterator, Optional, Tuple

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.libero.schema import AGENTVIEW, CAMERAS, EYE_IN_HAND, Layout
from forkctl.libero.synth import arm, cameras
from forkctl.libero.synth.expert import Rollouts
from forkctl.libero.synth.scene import OBJECTS, Scene

Array = np.ndarray

STEP_SECONDS = 0.05


PROPRIOCEPTION = ("gripper_states", "joint_states", "ee_states", "ee_pos", "ee_ori")
OBJECT = "object"
# of the flat state: time, seven joints, two fingers, then each body's position and quaternion
_JOINTS = slice(1, 8)
_BODIES = slice(10, 10 + 7 * OBJECTS)
_UPRIGHT = np.array([0.0, 0.0, 0.0, 1.0])  # x, y, z, w


@dataclass(frozen=True)
class View:
    """T moments of an episode, to be observed."""

    position: Array  # (T, 3)
    quaternion: Array  # (T, 4)
    finger: Array  # (T,)
    objects: Array  # (T, OBJECTS, 3)
    goal: Array  # (3,)

    @property
    def fingers(self) -> Array:
        return np.stack([self.finger, -self.finger], axis=1)

    def seen(self, key: str, scene: Scene, image_size: int) -> Array:
        """One of LIBERO's observations, or `object`: where the things are that the task is about,
        in the form of `forkctl demos` (position, quaternion, position from the hand, of each)."""
        if key == "gripper_states":
            return self.fingers
        if key == "joint_states":
            return arm.joint_positions(self.position, self.quaternion)
        if key == "ee_pos":
            return self.position
        if key == "ee_ori":
            return arm.to_rotation_vector(self.quaternion)
        if key == "ee_states":
            return np.concatenate([self.position, arm.to_rotation_vector(self.quaternion)], axis=1)
        if key == OBJECT:
            return self._things(scene.legs)
        return self._frames(key, scene, image_size)

    def _things(self, legs: int) -> Array:
        count = len(self.position)
        places = [self.objects[:, leg] for leg in range(legs)]
        places.append(np.broadcast_to(self.goal, (count, 3)))
        upright = np.broadcast_to(_UPRIGHT, (count, 4))
        parts = [part for at in places for part in (at, upright, at - self.position)]
        return np.concatenate(parts, axis=1)

    def _frames(self, camera: str, scene: Scene, image_size: int) -> Array:
        draw = {AGENTVIEW: cameras.agentview, EYE_IN_HAND: cameras.eye_in_hand}[camera]
        size, enlarge = _drawing_size(image_size)
        frames = draw(scene, self.position, self.finger, self.objects, self.goal, size)
        return frames.repeat(enlarge, axis=1).repeat(enlarge, axis=2)


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
    """Rollout `index`; without frames where `image_size` is None: it then says
    where things are, as nobody could see it."""
    length = int(rollouts.length[index])
    before = slice(0, length)
    # LIBERO's recorder saw the world after each action; the regenerated set, before it.
    seen = slice(1, length + 1) if layout is Layout.RAW else before
    view = View(
        rollouts.position[index, seen],
        rollouts.quaternion[index, seen],
        rollouts.finger[index, seen],
        rollouts.objects[index, seen],
        rollouts.goal[index],
    )
    extra = (OBJECT,) if image_size is None else CAMERAS
    obs = {key: view.seen(key, scene, image_size or 0) for key in (*PROPRIOCEPTION, *extra)}
    last = np.zeros(length, dtype=np.uint8)
    last[-1] = 1
    return Episode(
        actions=rollouts.action[index, before],
        states=_flat_states(rollouts, index)[before],
        robot_states=np.concatenate([view.fingers, view.position, view.quaternion], axis=1),
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


def model_of(goal: Array) -> str:
    """What `model_file` holds: of the scene, what the state does not say."""
    place = " ".join(repr(float(part)) for part in goal)
    return f'<mujoco model="forkctl synthetic scene"><body name="goal" pos="{place}"/></mujoco>'


def scene_saved(model: str, state: Array) -> Tuple[Array, Array, Array, Array]:
    """Position and quaternion of the hand, objects and goal, from what a demo keeps of them."""
    place = re.search('<body name="goal" pos="([^"]+)"', model)
    if place is None:
        raise ForkctlError(
            "the demonstration was not made on this table",
            hint="`forkctl data synth` makes such demonstrations",
        )
    position, quaternion = arm.pose_of_joints(state[_JOINTS])
    objects = state[_BODIES].reshape(OBJECTS, 7)[:, :3]
    return position, quaternion, objects, np.array(place[1].split(), dtype=float)


def _drawing_size(image_size: int) -> tuple[int, int]:
    """Size to draw at and times to enlarge: the simple shapes gain nothing above 128 pixels."""
    enlarge = image_size // 128 if image_size % 128 == 0 else 1
    return image_size // enlarge, enlarge
