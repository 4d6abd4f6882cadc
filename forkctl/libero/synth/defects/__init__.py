"""Good files spoilt on purpose: one defect for everything that validation must find.

Each changes a finished file in place and nothing but what its name says. `finding` is the code that
`forkctl.libero.validation` has to give, and the only one.
"""

from __future__ import annotations

from pathlib import Path

from forkctl.errors import ForkctlError

# Importing them registers their defects.
from forkctl.libero.synth.defects import images, structure, values
from forkctl.libero.synth.defects.registry import DEFECTS, Defect

__all__ = ["DEFECTS", "Defect", "images", "require", "spoil", "structure", "values"]


def require(name: str) -> Defect:
    if name not in DEFECTS:
        raise ForkctlError(f"no defect {name!r}", hint=f"One of: {', '.join(sorted(DEFECTS))}.")
    return DEFECTS[name]


def spoil(path: Path, name: str) -> Defect:
    """Put the defect into the file at `path`."""
    defect = require(name)
    defect.spoil(path)
    return defect
