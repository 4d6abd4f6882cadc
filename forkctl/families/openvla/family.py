"""What forkctl has to know of OpenVLA."""

from __future__ import annotations

from types import MappingProxyType

from forkctl.configs import Config
from forkctl.families.openvla.config import HEADER, PRESETS, generate
from forkctl.families.openvla.launcher import OpenVLALauncher
from forkctl.families.openvla.statistics_file import STATISTICS_FILE
from forkctl.families.openvla.units import OPENVLA
from forkctl.family import ConfigRequest, Family
from forkctl.forks.manifest import Entrypoint
from forkctl.libero.units.conventions import Convention
from forkctl.libero.units.statistics_files import StatisticsFile


class OpenVLA(Family):
    name = "openvla"
    kinds = ("openvla",)
    choices = MappingProxyType({"preset": PRESETS})
    header = HEADER
    worker = "forkctl.families.openvla.worker"

    def launcher(self, entrypoint: Entrypoint) -> OpenVLALauncher:
        return OpenVLALauncher()

    def generate(self, kind: str, request: ConfigRequest) -> Config:
        return generate(request)

    def conventions(self) -> tuple[Convention, ...]:
        return (OPENVLA,)

    def statistics_files(self) -> tuple[StatisticsFile, ...]:
        return (STATISTICS_FILE,)


FAMILY = OpenVLA()
