"""Ask a fork what it does, from inside it. Prints one JSON object; run by test_behaviour.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch


def main() -> None:
    words = json.loads(sys.argv[1])
    answers = {}
    for name in words["probes"]:
        try:
            answers[name] = PROBES[name](words)
        except Exception as error:
            answers[name] = f"{type(error).__name__}: {error}"
    print()
    print(json.dumps(answers))


def read_config(words: dict[str, Any], **changes: Any) -> Any:
    import robomimic.algo  # noqa: F401 - registers the encoders that a config names
    from robomimic.config import config_factory
    from small_config import config

    given = config(
        words["fork"],
        [Path(path) for path in words["data"]],
        Path("unused"),
        changes,
        pristine=words["pristine"],
    )
    made = config_factory(given["algo_name"])
    with made.values_unlocked():
        made.update(given)
    return made


def resize(words: dict[str, Any]) -> Any:
    """Shapes and values of frames that pass the rgb and the depth processor."""
    import robomimic.utils.obs_utils as obs_utils

    config = read_config(words, **{"observation.image_dim": [48, 80]})
    config.unlock()
    config.observation.modalities.obs.depth = ["depth"]
    obs_utils.initialize_obs_utils_with_config(config)

    def process(key: str, frames: Any) -> Any:
        return obs_utils.process_obs(obs=frames, obs_key=key)

    rng = np.random.default_rng(0)
    bytes_ = rng.integers(0, 256, (2, 3, 64, 64, 3), dtype=np.uint8)
    batch = process("agentview_rgb", torch.from_numpy(bytes_).float())
    fractions = process("agentview_rgb", torch.from_numpy(bytes_).float() + 0.25)
    single = process("agentview_rgb", bytes_[1, 2])
    grey = process("agentview_rgb", torch.full((1, 64, 64, 3), 51.0))
    config.observation.image_dim = []
    obs_utils.initialize_obs_utils_with_config(config)
    return {
        "batch": list(batch.shape),
        "single": list(single.shape),
        "kinds": [type(batch).__name__, type(single).__name__, str(batch.dtype), str(single.dtype)],
        "same": float(np.abs(batch[1, 2].numpy() - single).max()),
        "rounding": float((batch - fractions).abs().max()) * 255,
        "grey": [float(grey.min()), float(grey.max())],
        "depth": list(process("depth", np.zeros((64, 64, 1), np.float32)).shape),
        "off": list(process("agentview_rgb", bytes_[0, 0]).shape),
    }


def new_model(words: dict[str, Any]) -> tuple[Any, Any, dict[str, list[int]]]:
    """The untrained model that the config asks for, its locked config, and its shapes."""
    import robomimic.utils.obs_utils as obs_utils
    from robomimic.algo import algo_factory

    config = read_config(words)
    obs_utils.initialize_obs_utils_with_config(config)
    for optimizer in config.algo.optim_params.values():
        optimizer["num_train_batches"] = optimizer["num_epochs"] = 1
    config.lock()
    shapes = {camera: [3, 64, 64] for camera in ("agentview_rgb", "eye_in_hand_rgb")}
    shapes.update(ee_pos=[3], ee_ori=[3], gripper_states=[2])
    model = algo_factory(config.algo_name, config, shapes, 7, torch.device("cpu"))
    return model, config, shapes


def unet(words: dict[str, Any]) -> Any:
    """Numbers in the denoiser, small and default."""
    model, _, _ = new_model(words)
    denoiser = model.nets["policy"]["noise_pred_net"]
    return sum(weight.numel() for weight in denoiser.parameters())


def make_dataset(words: dict[str, Any], **changes: Any) -> tuple[Any, Any]:
    import robomimic.utils.obs_utils as obs_utils
    import robomimic.utils.train_utils as train_utils

    config = read_config(words, **changes)
    obs_utils.initialize_obs_utils_with_config(config)
    config.lock()
    return config, train_utils.dataset_factory(config, obs_keys=list(config.all_obs_keys))


def frames(words: dict[str, Any]) -> Any:
    """How many frames an item holds, and what of them reaches the policy."""
    _, dataset = make_dataset(words)
    lengths, sums = set(), []
    for index in range(0, len(dataset), 7):
        item = dataset[index]
        lengths.add(len(item["obs"]["agentview_rgb"]))
        sums.append([int(item["obs"]["agentview_rgb"][:2].astype(int).sum()), index])
    item = dataset[0]
    return {"lengths": sorted(lengths), "sums": sums, "actions": len(item["actions"])}


def files(words: dict[str, Any]) -> Any:
    """How many files are trained on, of two of which one is broken."""
    _, dataset = make_dataset({**words, "data": [*words["data"], words["broken"]]})
    return len(getattr(dataset, "datasets", [dataset]))


def regenerated(words: dict[str, Any]) -> Any:
    """What a file without attributes is taken for."""
    import robomimic.utils.file_utils as file_utils

    _, dataset = make_dataset({**words, "data": [words["regenerated"]]})
    meta = file_utils.get_env_metadata_from_dataset(words["regenerated"])
    return {"steps": len(dataset), "meta": meta}


def environments(words: dict[str, Any]) -> Any:
    """The type that metadata is taken for."""
    import robomimic.utils.env_utils as env_utils
    import robomimic.utils.file_utils as file_utils

    libero = file_utils.get_env_metadata_from_dataset(words["data"][0])
    robosuite = {"env_name": "Lift", "type": 1, "env_kwargs": {"robots": ["Panda"]}}
    return {
        "libero": env_utils.get_env_type(env_meta=libero),
        "is_robosuite": env_utils.is_robosuite_env(env_meta=libero),
        "robosuite": env_utils.get_env_type(env_meta=robosuite),
        "imported": "libero" in sys.modules or "robosuite" in sys.modules,
    }


def rollout(words: dict[str, Any]) -> Any:
    """Save a policy as training on two files does, load it, and act once."""
    import robomimic.utils.file_utils as file_utils
    import robomimic.utils.train_utils as train_utils

    model, config, shapes = new_model(words)
    meta = {"ac_dim": 7, "all_shapes": shapes, "use_images": True}
    several = words["fork"] == "robomimic"
    path = str(Path(words["scratch"]) / "policy.pth")
    train_utils.save_model(
        model, config, [{}, {}] if several else {}, [meta, meta] if several else meta, path
    )
    policy, _ = file_utils.policy_from_checkpoint(device=torch.device("cpu"), ckpt_path=path)
    policy.start_episode()
    raw = words["fork"] == "robomimic"  # others process images in their environments
    image = np.zeros((2, 64, 64, 3), np.uint8) if raw else np.zeros((2, 3, 64, 64), np.float32)
    ob = {"agentview_rgb": image, "eye_in_hand_rgb": image}
    ob.update(ee_pos=np.zeros((2, 3)), ee_ori=np.zeros((2, 3)), gripper_states=np.zeros((2, 2)))
    return list(np.shape(policy(ob)))


PROBES: dict[str, Callable[[dict[str, Any]], Any]] = {
    probe.__name__: probe
    for probe in (resize, unet, frames, files, regenerated, environments, rollout)
}

if __name__ == "__main__":
    main()
