"""Runs in OpenVLA's environment: what loads files of others refuses those that would run code."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from forkctl_openvla.checkpoints import load_optimizer, load_random_state, load_weights

from forkctl.errors import ForkctlError
from forkctl.families.openvla.worker import load

question = json.loads(sys.argv[1])
scratch, mark = Path(question["scratch"]), question["mark"]


class Evil:
    def __reduce__(self) -> Any:
        return os.system, (f": >{mark}",)


for name in ("adapter/adapter_model.bin", "training/state.pt", "training/rank-0.pt"):
    (scratch / name).parent.mkdir(exist_ok=True)
    torch.save({"w": torch.zeros(2), "x": Evil()}, scratch / name)
shutil.copytree(question["base"], scratch / "base")
torch.save({"x": Evil()}, scratch / "base/pytorch_model.bin")


def refuses(action: Any) -> bool:
    try:
        action()
    except ForkctlError as error:
        return "asks to run" in str(error)
    return False


answer = {
    "adapter": refuses(lambda: load_weights(None, scratch)),
    "optimizer": refuses(lambda: load_optimizer(None, scratch, {})),  # type: ignore[arg-type]
    "random": refuses(lambda: load_random_state(scratch)),
    "worker": refuses(lambda: load(str(scratch / "base"), "cpu", {})),
}
print(json.dumps(answer))
