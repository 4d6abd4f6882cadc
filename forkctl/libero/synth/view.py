"""What can be observed of the table: LIBERO's observations, and where things are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND
from forkctl.libero.synth import arm, cameras
from forkctl.libero.synth.scene import Scene

Array = np.ndarray

PROPRIOCEPTION = ("gripper_states", "joint_states", "ee_states", "ee_pos", "ee_ori")
OBJECT = "object"
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

    def observation(self, key: str, scene: Scene, image_size: int) -> Array:
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


def _drawing_size(image_size: int) -> tuple[int, int]:
    """The size to draw at, and how many times to enlarge: the simple shapes gain nothing above 128
    pixels."""
    enlarge = image_size // 128 if image_size % 128 == 0 else 1
    return image_size // enlarge, enlarge
