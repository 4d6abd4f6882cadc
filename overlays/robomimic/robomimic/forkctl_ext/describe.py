"""Build the model that a config trains, and write down its tensors.

    python -m robomimic.forkctl_ext.describe --config CONFIG.json --out model.json

`forkctl ckpt plan` runs this in the fork's environment to compare a checkpoint with the real model.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import h5py
import robomimic.utils.obs_utils as ObsUtils
import torch
from robomimic.algo import algo_factory
from robomimic.config import config_factory
from robomimic.forkctl_ext.finetune import describe_tensors, rules_of


def read_config(path):
    """The locked config, as `train.py --config` makes it."""
    given = json.loads(Path(path).read_text())
    config = config_factory(given["algo_name"])
    with config.values_unlocked():
        config.update(given)
    return config


def dataset_shapes(config, path):
    """Shapes of observations, as the network meets them, and the size of an action."""
    with h5py.File(path, "r") as file:
        demo = next(iter(file["data"].values()))
        shapes = {key: demo["obs"][key].shape[1:] for key in config.all_obs_keys}
        actions = config.train.get("action_keys", ["actions"])
        return shapes, sum(demo[key].shape[1] for key in actions)


def build_model(config, raw_shapes, action_dim, device="cpu"):
    """The algorithm with its networks, from the shapes that a dataset would give."""
    ObsUtils.initialize_obs_utils_with_config(config)
    shapes = {
        key: ObsUtils.get_processed_shape(ObsUtils.OBS_KEYS_TO_MODALITIES[key], list(shape))
        for key, shape in sorted(raw_shapes.items())
    }
    for optimizer in config.algo.get("optim_params", {}).values():
        # v0.5.0 plans the learning rate over the run; what is only looked at has no run
        optimizer["num_train_batches"] = optimizer["num_epochs"] = 1
    config.lock()
    return algo_factory(
        algo_name=config.algo_name,
        config=config,
        obs_key_shapes=shapes,
        ac_dim=action_dim,
        device=torch.device(device),
    )


def first_file(config):
    data = config.train.data
    return data if isinstance(data, str) else data[0]["path"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", help="one dataset file, instead of the config's first")
    parser.add_argument("--out", required=True)
    args = parser.parse_args(argv)
    config = read_config(args.config)
    path = Path(args.data or first_file(config)).expanduser()
    model = build_model(config, *dataset_shapes(config, path))
    description = {
        "tensors": {name: asdict(facts) for name, facts in describe_tensors(model.nets).items()},
        "rules": asdict(rules_of(config)),
        "strict": bool(config.experiment.strict_weight_loading),
    }
    Path(args.out).write_text(json.dumps(description))


if __name__ == "__main__":
    main()
