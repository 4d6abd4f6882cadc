"""Runs inside the fork: does the policy see an observation as the loader showed it in training?

argv: JSON with checkpoint, data and step. Answers with the largest differences of what goes into
the model, for an observation in the middle of a demo and for the first of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from forkctl_rdt import policy as of_policy
from forkctl_rdt.dataset import LiberoDataset
from forkctl_rdt.options import options_of
from forkctl_rdt.plan import Plan
from train.dataset import VLAConsumerDataset

from forkctl.libero.suites import language_from_task


def loader_of(run: Path, policy: Any) -> VLAConsumerDataset:
    """Upstream's own loader, as the run had it, with nothing left to chance."""
    config = yaml.safe_load((run / "rdt.yaml").read_text())
    options = options_of(config)
    dataset = LiberoDataset(options, config["common"], precomputed_language=True)
    plan = Plan(options, policy.sidecar, dataset)
    return VLAConsumerDataset(
        config={**config["dataset"], "forkctl": plan, "config_path": str(run / "rdt.yaml")},
        tokenizer=None,
        image_processor=policy.vision.image_processor,
        num_cameras=config["common"]["num_cameras"],
        img_history_size=config["common"]["img_history_size"],
        dataset_type="finetune",
        cond_mask_prob=-1,
        use_hdf5=True,
        use_precomp_lang_embed=True,
    )


def observed(dataset: LiberoDataset, step: int) -> dict[str, Any]:
    """The same step as an evaluation lays it out: two rows, upright, the first one repeated."""
    demo = dataset.demos[0]
    first = demo.pairing().obs.start
    rows = [first + max(step - 1, 0), first + step]
    found = {key: np.stack([demo.obs(key)[row] for row in rows]) for key in of_policy.KEYS}
    for camera in ("agentview_rgb", "eye_in_hand_rgb"):
        found[camera] = np.ascontiguousarray(found[camera][:, ::-1, ::-1])
    return found


def difference(loader: VLAConsumerDataset, policy: Any, step: int) -> dict[str, float]:
    dataset = loader.hdf5_dataset
    sample = dataset.sample_at(0, step)
    dataset.get_item = lambda index: sample
    item = loader[0]
    seen = observed(dataset, step)
    task = dataset.demos[0].file.task
    texts, _ = policy._texts([language_from_task(task)])
    state = policy.layout.states(seen)[-1]
    return {
        "images": float((torch.stack(item["images"]) - policy._images(seen)).abs().max()),
        "state": float(np.abs(np.asarray(item["states"])[-1] - state).max()),
        "mask": float(np.abs(np.asarray(item["state_elem_mask"]) - policy.layout.mask()).max()),
        "language": float((item["lang_embed"].float() - texts[0].float()).abs().max()),
        "frequency": abs(float(item["ctrl_freq"]) - policy.sidecar.control_hz),
    }


def main() -> None:
    asked = json.loads(sys.argv[1])
    policy = of_policy.RdtPolicy.load(asked["checkpoint"], "cpu", {})
    loader = loader_of(Path(asked["run"]), policy)
    answer = {name: difference(loader, policy, step) for name, step in asked["steps"].items()}
    print("\n" + json.dumps(answer))


if __name__ == "__main__":
    main()
