"""What forkctl has to know of a training script: what its entry in forks.toml says."""

from __future__ import annotations

from forkctl.families.script.launcher import ScriptLauncher
from forkctl.families.script.options import read_options
from forkctl.family import Family
from forkctl.forks.manifest import Entrypoint


class ScriptFamily(Family):
    name = "script"
    kinds = ("script",)

    def launcher(self, entrypoint: Entrypoint) -> ScriptLauncher:
        return ScriptLauncher(read_options(entrypoint.options))


FAMILY = ScriptFamily()
