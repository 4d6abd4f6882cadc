"""Checkpoints of RDT on LIBERO. The policy is in the fork's tree, where its own evaluation has it.

An answer is in the units that the checkpoint's side-car names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forkctl_rdt.policy import HISTORY, KEYS, RdtPolicy  # type: ignore[import-not-found]

BATCH = 8
# Of 64 predicted actions, 3.2 s: what was seen at their start says little of the last ones.
EXECUTE = 8


def load(checkpoint: str, device: str, options: dict[str, Any]) -> RdtWorker:
    return RdtWorker(RdtPolicy.load(checkpoint, device, options))


class RdtWorker:
    def __init__(self, policy: RdtPolicy) -> None:
        self.policy = policy

    @property
    def conventions(self) -> dict[str, Any]:
        return {
            "observations": list(KEYS),
            "history": HISTORY,
            "chunk": self.policy.horizon,
            "execute": min(EXECUTE, self.policy.horizon),
            "actions": self.policy.layout.convention.name,
            "rotate_images": self.policy.sidecar.rotate_images,
            "batch": BATCH,
            "frame_size": self.policy.sidecar.frame,
        }

    def predict(
        self, observations: Sequence[dict[str, Any]], instructions: Sequence[str], seed: int
    ) -> list[dict[str, Any]]:
        plans = self.policy.plan(observations, instructions, seed)
        return [{"actions": plan} for plan in plans]
