"""OpenVLA's applied tree, and scripts that answer from inside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desk import ROOT, Desk

__all__ = ["HERE", "ROOT", "OpenVLALab"]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class OpenVLALab(Desk):
    fork = "openvla"
    scripts = HERE

    def probe(self, module: str, **words: Any) -> dict[str, Any]:
        """What `<module>.py` beside this file answers, run inside the fork."""
        done = self.run(str(HERE / f"{module}.py"), json.dumps(words, default=str))
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
