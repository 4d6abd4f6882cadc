"""What forkctl has to know of OpenVLA."""

from __future__ import annotations

from types import MappingProxyType

from forkctl.configs import Config
from forkctl.families.openvla.config import HEADER, MEMORY, PRESETS, generate
from forkctl.families.openvla.launcher import OpenVLALauncher
from forkctl.families.openvla.statistics_file import STATISTICS_FILE
from forkctl.families.openvla.units import OPENVLA
from forkctl.family import ConfigRequest, Family
from forkctl.forks.manifest import Entrypoint
from forkctl.libero.units.conventions import Convention
from forkctl.libero.units.statistics_files import StatisticsFile

_MERGE = ("forkctl.families.openvla.merge_command", "merge", "Merge an adapter into its base.")
ADVICE = MappingProxyType(
    {
        "too-few-steps": "--base alone shows what the policy is without its adapters.",
        "collapse-to-zero": "Clip gradients at 1.0 and keep the q01 and q99 of the statistics.",
        "collapse-to-token": "Load the adapters unmerged, to see whether merging did it.",
        "wrong-statistics": "They are in the dataset_statistics.json beside the checkpoint; "
        "--stats-key says which of them.",
        "gripper-stuck": "In dataset_statistics.json, the gripper's mask must be false.",
    }
)


class OpenVLA(Family):
    name = "openvla"
    kinds = ("openvla",)
    choices = MappingProxyType({"preset": PRESETS, "memory": MEMORY})
    header = HEADER
    worker = "forkctl.families.openvla.worker"
    advice = ADVICE
    commands = MappingProxyType({"ckpt": {"merge": _MERGE}})

    def launcher(self, entrypoint: Entrypoint) -> OpenVLALauncher:
        return OpenVLALauncher()

    def generate(self, kind: str, request: ConfigRequest) -> Config:
        return generate(request)

    def conventions(self) -> tuple[Convention, ...]:
        return (OPENVLA,)

    def statistics_files(self) -> tuple[StatisticsFile, ...]:
        return (STATISTICS_FILE,)


FAMILY = OpenVLA()
