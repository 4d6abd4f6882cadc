"""Run inside the fork: which share of the average at one checkpoint is in that of the next.

argv: the two checkpoints, an update apart. Answers with the share, and with what it leaves over.
"""

from __future__ import annotations

import json
import sys

import torch
from safetensors.torch import load_file


def main() -> None:
    before, after = sys.argv[1:]
    old, new = (load_file(f"{folder}/ema/model.safetensors") for folder in (before, after))
    weights = torch.load(f"{after}/pytorch_model.bin", weights_only=True)
    names = [name for name in old if not torch.equal(old[name], weights[name])]
    was, now, here = (
        torch.cat([tensors[name].double().flatten() for name in names])
        for tensors in (old, new, weights)
    )
    share = float((now - here) @ (was - here) / (was - here).square().sum())
    left = (now - here - share * (was - here)).abs().max()
    print(json.dumps([share, float(left)]))


if __name__ == "__main__":
    main()
