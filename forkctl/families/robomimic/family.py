"""What forkctl has to know of robomimic and its relatives."""

from __future__ import annotations

from forkctl.configs import Config
from forkctl.families.robomimic.config import DIALECTS, generate
from forkctl.families.robomimic.launcher import RobomimicLauncher
from forkctl.families.robomimic.units import ROBOMIMIC
from forkctl.family import ConfigRequest, Family
from forkctl.forks.manifest import Entrypoint
from forkctl.libero.units.conventions import Convention


class Robomimic(Family):
    name = "robomimic"
    kinds = tuple(DIALECTS)
    worker = "forkctl.families.robomimic.worker"

    def launcher(self, entrypoint: Entrypoint) -> RobomimicLauncher:
        return RobomimicLauncher(DIALECTS[entrypoint.kind])

    def generate(self, kind: str, request: ConfigRequest) -> Config:
        return generate(DIALECTS[kind], request)

    def conventions(self) -> tuple[Convention, ...]:
        return (ROBOMIMIC,)


FAMILY = Robomimic()
