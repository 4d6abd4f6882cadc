"""Checkpoints of the robomimic family (0.3.0, v0.5.0, DROID's fork), asked for whole chunks.

Only names that all of its revisions share are used. `RolloutPolicy.__call__` is not: it takes one
observation at a time and hands out a chunk's actions over several calls.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from robomimic.utils import file_utils, obs_utils, tensor_utils  # type: ignore[import-not-found]

from forkctl.checkpoints.loading import load_checkpoint
from forkctl.errors import ForkctlError
from forkctl.families.robomimic.class_names import check_class_names
from forkctl.families.robomimic.goals import Goals

BATCH = 16


def load(checkpoint: str, device: str, options: dict[str, Any]) -> RobomimicPolicy:
    # upstream would let the file run anything
    content = load_checkpoint(Path(checkpoint))
    check_class_names(json.loads(content.get("config") or "{}"), checkpoint)
    rollout, content = file_utils.policy_from_checkpoint(
        ckpt_dict=content, device=torch.device(device), verbose=False
    )
    goals = _goals(rollout.policy, options.get("goal"))
    return RobomimicPolicy(rollout, _frame_size(content.get("env_metadata")), goals)


def _goals(algo: Any, named: str | None) -> Goals | None:
    """The goal images of a policy that is conditioned on one."""
    wanted = algo.algo_config.get("skill_conditioning", None)
    conditioned = bool(wanted and wanted["enabled"])
    if conditioned and named is None:
        raise ForkctlError(
            "the policy is conditioned on a goal image and has none",
            hint="--goal FILE.hdf5:demo_0 takes a demonstration's last frame; in a folder of "
            "files each task has its own",
        )
    if named is None:
        return None
    if not conditioned:
        raise ForkctlError("the policy is not conditioned on a goal image", hint="leave --goal out")
    return Goals(named, wanted["goal_key"])


def _frame_size(env_meta: Any) -> int | None:
    """Of the data, before `observation.image_dim`; of several files, the first one's."""
    first = env_meta[0] if isinstance(env_meta, (list, tuple)) and env_meta else env_meta
    if not isinstance(first, dict):
        return None
    size = (first.get("env_kwargs") or {}).get("camera_heights")
    return size if isinstance(size, int) else None


class RobomimicPolicy:
    """One loaded checkpoint."""

    def __init__(self, rollout: Any, frame_size: int | None, goals: Goals | None = None) -> None:
        self.rollout = rollout
        self.goals = goals
        self.frame_size = frame_size
        self.algo = rollout.policy
        self.config = self.algo.global_config
        self.algo.set_eval()
        # A diffusion policy plans several actions and has a method for the whole plan.
        self.plans = hasattr(self.algo, "_get_action_trajectory")
        self.history = int(self.config.train.frame_stack)
        self.keys = list(self.algo.obs_shapes)

    @property
    def conventions(self) -> dict[str, Any]:
        chunk = int(self.algo.algo_config.horizon.action_horizon) if self.plans else 1
        return {
            "observations": self.keys,
            "history": self.history,
            "chunk": chunk,
            "actions": "robomimic",
            "batch": BATCH,
            "frame_size": self.frame_size,
        }

    def predict(
        self, observations: Sequence[dict[str, Any]], instructions: Sequence[str], seed: int
    ) -> list[dict[str, Any]]:
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        batch = {key: np.stack([each[key] for each in observations]) for key in self.keys}
        if self.goals is not None:
            self.algo.skill.set_goal(np.stack([self.goals.of(each) for each in instructions]))
        with torch.no_grad():
            obs = self._prepared(batch)
            if self.plans:
                actions = self.algo._get_action_trajectory(obs_dict=obs)
            else:
                self.algo.reset()  # no memory of the demo's earlier steps but the history
                actions = self.algo.get_action(obs_dict=obs)[:, None]
        plans = self._in_units(tensor_utils.to_numpy(actions))
        return [{"actions": plan} for plan in plans]

    def _prepared(self, batch: dict[str, Any]) -> dict[str, Any]:
        """As the loader prepares training samples: processed images, floats, normalised."""
        if self.history == 1 and not self.plans:
            batch = {key: values[:, 0] for key, values in batch.items()}
        processed = {
            key: obs_utils.process_obs(torch.from_numpy(values.astype(np.float32)), obs_key=key)
            for key, values in batch.items()
        }
        statistics = self.rollout.obs_normalization_stats
        if statistics is not None:
            processed = {
                key: (values - _tensor(statistics[key]["offset"]))
                / _tensor(statistics[key]["scale"])
                for key, values in processed.items()
            }
        device = self.algo.device
        return {key: values.float().to(device) for key, values in processed.items()}

    def _in_units(self, actions: Any) -> Any:
        """Undo the scaling that training applied to actions."""
        statistics = getattr(self.rollout, "action_normalization_stats", None)
        if statistics is None:
            return actions.astype(np.float64)
        keys = list(self.config.train.action_keys)
        for key in keys:
            if self.config.train.action_config[key].get("format", None) == "rot_6d":
                raise NotImplementedError(
                    "the checkpoint was trained on 6D rotations, not on LIBERO's actions"
                )
        scale = np.concatenate([np.ravel(statistics[key]["scale"]) for key in keys])
        offset = np.concatenate([np.ravel(statistics[key]["offset"]) for key in keys])
        return actions.astype(np.float64) * scale + offset


def _tensor(values: Any) -> Any:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
