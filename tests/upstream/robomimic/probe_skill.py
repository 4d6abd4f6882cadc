"""Build a policy with and without skill conditioning, and compare; run by test_skill.py."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch


def main() -> None:
    words = json.loads(sys.argv[1])
    answers = compare(words)
    print()
    print(json.dumps(answers))


def compare(words: dict[str, Any]) -> dict[str, Any]:
    from probe_transfer import read_config
    from robomimic.forkctl_ext import finetune
    from robomimic.forkctl_ext.describe import build_model, dataset_shapes
    from robomimic.forkctl_ext.skill_vae import load_vae

    skill = {
        "algo.skill_conditioning.enabled": True,
        "algo.skill_conditioning.vae_checkpoint": words["vae"],
        "algo.skill_conditioning.latent_dim": 8,
    }
    plain_config = read_config(words, {})
    shapes = dataset_shapes(plain_config, words["data"][0])
    plain = build_model(plain_config, *shapes)
    config = read_config(
        words,
        {
            **skill,
            **without_warmup(words["fork"]),
            "experiment.strict_weight_loading": False,
            "experiment.ckpt_transfer.grow_inputs": ["*cond_encoder*"],
        },
    )
    torch.manual_seed(3)
    model = build_model(config, *shapes)
    saved = {"model": {"nets": plain.nets.state_dict(), "ema": None}}
    finetune.load_for_finetuning(model, saved, config, words["scratch"])

    batch = one_batch(config)
    ready = model.process_batch_for_training(dict(batch))
    ready = model.postprocess_batch_for_training(ready, obs_normalization_stats=None)
    without = plain.process_batch_for_training(dict(batch))
    without = plain.postprocess_batch_for_training(without, obs_normalization_stats=None)
    first = loss(model, ready) - loss(plain, without)

    vae, _ = load_vae(words["vae"])
    frozen = [weight.clone() for weight in model.skill._vae.parameters()]
    model.set_train()
    for _ in range(3):
        model.train_on_batch(ready, epoch=1)
    own = {id(weight) for weight in model.nets.parameters()}
    try:
        model.process_batch_for_training({k: v for k, v in batch.items() if k != "skill_goal"})
        refused = None
    except ValueError as error:
        refused = str(error)
    return {
        "wider": width(model) - width(plain),
        "loss_difference_at_start": abs(first),
        "vae_unchanged": all(
            torch.equal(a, b) for a, b in zip(frozen, model.skill._vae.parameters(), strict=True)
        ),
        "vae_in_nets": any(id(weight) in own for weight in model.skill._vae.parameters()),
        "columns_learn": float(new_columns(model, plain).abs().max()),
        "goal_matters": goal_matters(model, ready),
        "without_goals": refused,
        "goal_is_last_frame": goal_is_last_frame(config, batch),
        "latents": vae.latent_dim,
    }


def without_warmup(fork: str) -> dict[str, Any]:
    """v0.5.0 starts at a learning rate of zero; droid's is constant and knows no such key."""
    key = "algo.optim_params.policy.learning_rate.warmup_steps"
    return {key: 0} if fork == "robomimic" else {}


def one_batch(config: Any) -> dict[str, Any]:
    import robomimic.utils.obs_utils as obs_utils
    import robomimic.utils.train_utils as train_utils
    from torch.utils.data import DataLoader

    obs_utils.initialize_obs_utils_with_config(config)
    dataset = train_utils.dataset_factory(config, obs_keys=list(config.all_obs_keys))
    return next(iter(DataLoader(dataset, batch_size=4)))


def loss(model: Any, batch: dict[str, Any]) -> float:
    model.set_eval()
    torch.manual_seed(9)
    np.random.seed(9)
    info = model.train_on_batch(batch, epoch=1, validate=True)
    return float(info["losses"]["l2_loss"])


def condition_weight(model: Any) -> torch.Tensor:
    state = model.nets.state_dict()
    (name,) = [n for n in state if n.endswith("mid_modules.0.cond_encoder.1.weight")]
    return state[name]


def width(model: Any) -> int:
    return condition_weight(model).shape[1]


def new_columns(model: Any, plain: Any) -> torch.Tensor:
    return condition_weight(model)[:, width(plain) :]


def goal_matters(model: Any, batch: dict[str, Any]) -> float:
    model.set_eval()
    model.ema.averaged_model.load_state_dict(model.nets.state_dict())
    answers = []
    for value in (0, 255):
        model.skill.set_goal(np.full((64, 64, 3), value, np.uint8))
        torch.manual_seed(4)
        answers.append(model._get_action_trajectory(obs_dict=batch["obs"]))
    return float((answers[0] - answers[1]).abs().max())


def goal_is_last_frame(config: Any, batch: dict[str, Any]) -> bool:
    import h5py

    with h5py.File(config.train.data[0]["path"]) as file:
        last = file["data/demo_0/obs/agentview_rgb"][-1]
    return bool((batch["skill_goal"][0].numpy() == last).all())


if __name__ == "__main__":
    main()
