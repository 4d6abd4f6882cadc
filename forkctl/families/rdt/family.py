"""What forkctl has to know of RDT."""

from __future__ import annotations

from types import MappingProxyType

from forkctl.configs import Config
from forkctl.families.rdt.config import HEADER, generate
from forkctl.families.rdt.launcher import RdtLauncher
from forkctl.families.rdt.statistics_file import STATISTICS_FILE
from forkctl.families.rdt.units import CONVENTIONS, REPRESENTATIONS
from forkctl.family import ConfigRequest, Family
from forkctl.forks.manifest import Entrypoint
from forkctl.libero.units.conventions import Convention
from forkctl.libero.units.statistics_files import StatisticsFile

_VERIFY = ("forkctl.families.rdt.command", "verify_rdt", "Are RDT's numbers in metres and radians?")


ADVICE = MappingProxyType(
    {
        "too-few-steps": "max_train_steps of the config, or --steps, says how many there are.",
        "unit-error": "`forkctl data verify-rdt` shows the numbers that it is trained on.",
        "collapse-to-zero": "Steps of metres are small beside the gripper's: the representation "
        "velocity gives motion a larger part of the loss.",
    }
)


class Rdt(Family):
    name = "rdt"
    kinds = ("rdt",)
    choices = MappingProxyType({"representation": REPRESENTATIONS})
    header = HEADER
    worker = "forkctl.families.rdt.worker"
    advice = ADVICE
    commands = MappingProxyType({"data": {"verify-rdt": _VERIFY}})

    def launcher(self, entrypoint: Entrypoint) -> RdtLauncher:
        return RdtLauncher()

    def generate(self, kind: str, request: ConfigRequest) -> Config:
        return generate(request)

    def conventions(self) -> tuple[Convention, ...]:
        return tuple(CONVENTIONS.values())

    def statistics_files(self) -> tuple[StatisticsFile, ...]:
        return (STATISTICS_FILE,)


FAMILY = Rdt()
