"""What forkctl has to know of robomimic and its relatives."""

from __future__ import annotations

from types import MappingProxyType

from forkctl.configs import Config
from forkctl.families.robomimic.config import ALGOS, DIALECTS, generate
from forkctl.families.robomimic.launcher import RobomimicLauncher
from forkctl.families.robomimic.units import ROBOMIMIC
from forkctl.family import ConfigRequest, Family
from forkctl.forks.manifest import Entrypoint
from forkctl.libero.units.conventions import Convention

ADVICE = MappingProxyType(
    {
        "too-few-steps": "train.num_epochs and experiment.epoch_every_n_steps of the config, or "
        "--steps, say how many there are.",
        "wrong-statistics": "train.action_config says how actions are scaled; the checkpoint keeps "
        "by what (action_normalization_stats).",
        "ignores-images": "`forkctl ckpt plan` shows which encoders a checkpoint fills.",
    }
)


class Robomimic(Family):
    name = "robomimic"
    kinds = tuple(DIALECTS)
    choices = MappingProxyType({"algo": ALGOS})
    worker = "forkctl.families.robomimic.worker"
    takes_goals = True
    advice = ADVICE

    def launcher(self, entrypoint: Entrypoint) -> RobomimicLauncher:
        return RobomimicLauncher(DIALECTS[entrypoint.kind])

    def generate(self, kind: str, request: ConfigRequest) -> Config:
        return generate(DIALECTS[kind], request)

    def conventions(self) -> tuple[Convention, ...]:
        return (ROBOMIMIC,)


FAMILY = Robomimic()
