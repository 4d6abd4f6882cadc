"""LIBERO as a robomimic environment. Imported only when rollouts are on.

Observations come under the names that LIBERO's datasets use, and upside down as they do: robomimic
turns robosuite's images over, LIBERO's datasets do not, and a policy must see one or the other.
"""

from pathlib import Path

import numpy as np
import robomimic.envs.env_base as EB
import robomimic.utils.obs_utils as ObsUtils
from robomimic.forkctl_ext.libero_type import LIBERO_TYPE

# What the simulator calls an observation -> what LIBERO's datasets call it.
_KEYS = {
    "agentview_image": "agentview_rgb",
    "robot0_eye_in_hand_image": "eye_in_hand_rgb",
    "robot0_gripper_qpos": "gripper_states",
    "robot0_joint_pos": "joint_states",
    "robot0_eef_pos": "ee_pos",
}
_IMAGES = ("agentview_rgb", "eye_in_hand_rgb")
_SETTLE_STEPS = 10
_REST = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0])  # stand still, gripper open


class EnvLibero(EB.EnvBase):
    def __init__(
        self,
        env_name,
        render=False,
        render_offscreen=False,
        use_image_obs=False,
        postprocess_visual_obs=None,
        bddl_file_name=None,
        camera_heights=128,
        camera_widths=128,
        init_states_file=None,
        goal_dataset=None,
        **kwargs,
    ):
        """`postprocess_visual_obs` is passed by revisions that process images in the environment
        (0.3.0, droid); newer ones do it in RolloutPolicy and want raw frames."""
        from libero.libero import get_libero_path
        from libero.libero.envs import OffScreenRenderEnv

        self._name = env_name
        self._processes = bool(postprocess_visual_obs)
        self._goal_dataset = goal_dataset
        self._bddl_file = _find(bddl_file_name, get_libero_path("bddl_files"), ".bddl")
        self._init_states = _load_init_states(
            init_states_file or self._bddl_file, get_libero_path("init_states")
        )
        self._episode = 0
        self._kwargs = {
            "bddl_file_name": self._bddl_file,
            "camera_heights": _one(camera_heights),
            "camera_widths": _one(camera_widths),
        }
        self.env = OffScreenRenderEnv(**self._kwargs)
        self.env.seed(0)
        self._observation = None
        self._done = False

    def reset(self):
        """The next initial state of the benchmark, after the objects have come to rest."""
        self.env.reset()
        state = self._init_states[self._episode % len(self._init_states)]
        self._episode += 1
        self.env.set_init_state(state)
        for _ in range(_SETTLE_STEPS):
            self._observation, _, self._done, _ = self.env.step(_REST)
        return self.get_observation()

    def reset_to(self, state):
        self.env.reset()
        self._observation = self.env.set_init_state(state["states"])
        return self.get_observation()

    def step(self, action):
        self._observation, reward, self._done, info = self.env.step(np.asarray(action))
        return self.get_observation(), reward, bool(self._done), info

    def get_observation(self):
        found = {
            new: self._observation[old] for old, new in _KEYS.items() if old in self._observation
        }
        found["ee_ori"] = axis_angle(self._observation["robot0_eef_quat"])
        found["ee_states"] = np.concatenate([found["ee_pos"], found["ee_ori"]])
        for key in _IMAGES:
            if key in found and self._processes and ObsUtils.key_is_obs_modality(key, "rgb"):
                found[key] = ObsUtils.process_obs(obs=found[key], obs_key=key)
        return found

    def get_goal(self):
        """The last frame of a demonstration of this task, where `goal_dataset` names its file."""
        if self._goal_dataset is None:
            raise ValueError(
                "LIBERO gives no goal image: set env_kwargs.goal_dataset to a file of the task"
            )
        from forkctl.libero.files.reader import open_demo_file

        demo = next(iter(open_demo_file(Path(self._goal_dataset).expanduser())))
        goal = {key: np.array(demo.frame(key, demo.length - 1)) for key in _IMAGES}
        if self._processes:
            goal = {k: ObsUtils.process_obs(obs=v, obs_modality="rgb") for k, v in goal.items()}
        return goal

    def set_goal(self, **kwargs):
        raise NotImplementedError("a LIBERO task's goal is fixed")

    def render(self, mode="human", height=None, width=None, camera_name=None):
        if mode != "rgb_array":
            raise ValueError("LIBERO renders off screen only")
        frame = self.env.sim.render(
            camera_name=camera_name or "agentview", height=height or 256, width=width or 256
        )
        return frame[::-1]  # for people, who look at videos the right way up

    def get_state(self):
        return {"states": np.array(self.env.get_sim_state())}

    def get_reward(self):
        return float(self.env.check_success())

    def is_done(self):
        return bool(self._done)

    def is_success(self):
        return {"task": bool(self.env.check_success())}

    @property
    def action_dimension(self):
        return len(_REST)

    @property
    def name(self):
        return self._name

    @property
    def type(self):
        return LIBERO_TYPE

    @property
    def base_env(self):
        return self.env

    @property
    def rollout_exceptions(self):
        return ()

    def serialize(self):
        return {"env_name": self._name, "type": self.type, "env_kwargs": dict(self._kwargs)}

    @classmethod
    def create_for_data_processing(cls, *args, **kwargs):
        raise NotImplementedError("LIBERO's demos hold their observations: use forkctl data")


def axis_angle(quaternion):
    """(x, y, z, w) to a rotation vector; not made shortest, as LIBERO's datasets are not."""
    vector, w = np.asarray(quaternion[:3]), float(np.clip(quaternion[3], -1.0, 1.0))
    length = np.sqrt(1.0 - w * w)
    return np.zeros(3) if length < 1e-8 else vector / length * 2.0 * np.arccos(w)


def _one(value):
    return int(value[0] if isinstance(value, (list, tuple)) else value)


def _find(name, root, suffix):
    """The file on this machine: a dataset names it by a path of the machine it was made on."""
    given = Path(name or "")
    if given.suffix == suffix and given.is_file():
        return str(given)
    found = sorted(Path(root).rglob(given.stem + suffix))
    if not found:
        raise FileNotFoundError("no {} under {}".format(given.stem + suffix, root))
    return str(found[0])


def _load_init_states(name, root):
    from forkctl.checkpoints.loading import load_plain

    return load_plain(Path(_find(name, root, ".pruned_init")))
