"""Condition a diffusion policy on where it should end: the latent of a goal image.

The encoder is frozen and stands outside `nets`: the optimizer, the average of the weights and the
checkpoint know nothing of it, and a checkpoint's condition weights keep their columns because the
latent comes after them.
"""

from pathlib import Path

import torch
from robomimic.forkctl_ext.skill_vae import as_images, load_vae, shrink

_BATCH_KEY = "skill_goal"


class NoSkill:
    """Skill conditioning is off: every hook is a no-op."""

    dim = 0

    def add_goal(self, input_batch, batch):
        pass

    def remember_goal(self, goal):
        pass

    def extend(self, condition, batch=None):
        return condition


class SkillCondition:
    def __init__(self, vae, goal_key, device):
        self._vae = vae.to(device).eval()
        for weight in self._vae.parameters():
            weight.requires_grad_(False)
        self._device = device
        self._goal_key = goal_key
        self._goal = None
        self.dim = vae.latent_dim

    def add_goal(self, input_batch, batch):
        """While training: the dataset gave each item the last frame of its demonstration."""
        if _BATCH_KEY not in batch:
            raise ValueError(
                "the batch holds no goal images: skill_conditioning needs hdf5_cache_mode "
                '"low_dim" or null'
            )
        input_batch[_BATCH_KEY] = as_images(batch[_BATCH_KEY])

    def set_goal(self, frames):
        """In evaluation: the goal as camera frames, uint8 (H, W, 3) or (B, H, W, 3)."""
        self._goal = self._latent(as_images(frames))

    def remember_goal(self, goal):
        """In rollouts: a goal observation as RolloutPolicy prepared it, (B, 3, H, W) in [0, 1]."""
        if goal is not None and self._goal_key in goal:
            images = goal[self._goal_key]
            self._goal = self._latent(shrink(images.reshape((-1, *tuple(images.shape[-3:])))))

    def extend(self, condition, batch=None):
        """The observation condition (B, D) with the goal's latent after it."""
        latent = self._goal if batch is None else self._latent(batch[_BATCH_KEY])
        if latent is None:
            raise ValueError(
                "the policy is conditioned on a goal image and has none: "
                "call policy.skill.set_goal(frame), or give rollouts a goal"
            )
        return torch.cat([condition, latent.expand(len(condition), -1)], dim=-1)

    @torch.no_grad()
    def _latent(self, images):
        return self._vae.encode(images.to(self._device))[0]


def make_skill(algo_config, device):
    """What `algo.skill_conditioning` asks for."""
    keys = algo_config.get("skill_conditioning", None)
    if not keys or not keys["enabled"]:
        return NoSkill()
    path = keys["vae_checkpoint"]
    if not path or not Path(path).expanduser().is_file():
        raise ValueError(
            "skill_conditioning.vae_checkpoint is {!r}, which is not a file; make one with "
            "python -m robomimic.forkctl_ext.train_skill_vae".format(path)
        )
    vae, goal_key = load_vae(Path(path).expanduser())
    if (vae.latent_dim, goal_key) != (keys["latent_dim"], keys["goal_key"]):
        raise ValueError(
            "skill_conditioning asks for {} latents of {}, but {} was trained with {} of {}".format(
                keys["latent_dim"], keys["goal_key"], path, vae.latent_dim, goal_key
            )
        )
    return SkillCondition(vae, goal_key, device)


def want_goals(dataset, config):
    """Let items of the dataset, or of the set of datasets, carry their goal image."""
    keys = config.algo.get("skill_conditioning", None)
    goal_key = keys["goal_key"] if keys and keys["enabled"] else None
    for one in getattr(dataset, "datasets", [dataset]):
        one.skill_goal_key = goal_key


def attach_goal(dataset, item, demo_id):
    """Called for each item of the dataset."""
    goal_key = getattr(dataset, "skill_goal_key", None)
    if goal_key is not None:
        frames = dataset.get_dataset_for_ep(demo_id, "obs/" + goal_key)
        item[_BATCH_KEY] = frames[len(frames) - 1]
