"""forkctl.json beside a model: what its numbers mean, and whether a run may go on from it.

RDT's checkpoint says nothing of representation or units, and a model that was trained on metres
and is read as metres a second fails without a word.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Mapping, Optional

from forkctl.errors import ForkctlError
from forkctl.families.rdt.vectors import RdtLayout
from forkctl.inside import sidecar

# What a model must share with a run that starts from it, and what with one that goes on.
_MEANING = ("representation", "joints", "robot_base", "units", "rotate_images", "alignment")
_DATA = ("dataset", "holdout", "statistics", "control_hz")


@dataclass(frozen=True)
class Sidecar(sidecar.Sidecar):
    """`units` are by slot. `alignment` is what was found in the files, never "auto"."""

    family = "rdt"

    representation: str
    joints: bool
    robot_base: tuple[float, float, float]
    units: Mapping[str, str]
    alignment: str
    rotate_images: bool
    control_hz: float
    dataset: str
    holdout: int
    # the digest of this dataset's entry in dataset_stat.json
    statistics: str
    # 128 numbers: the constant that a policy has to beat
    action_mean: tuple[float, ...]
    precomputed_language: bool
    versions: Mapping[str, str]
    # pixels per side, where all frames are of one size
    frame: Optional[int] = None

    @property
    def layout(self) -> RdtLayout:
        return RdtLayout(self.representation, self.joints, self.robot_base)


def check_fits(folder: str | Path, wanted: Sidecar, *, resume: bool) -> None:
    """Refuse a model that was made under another representation, alignment, or data."""
    there, here = asdict(Sidecar.read(folder)), asdict(wanted)
    names = [name for name in (*_MEANING, *(_DATA if resume else ())) if there[name] != here[name]]
    # the units follow from the representation: alone they are worth a word
    named = [name for name in names if name != "units"] or names
    if not named:
        return
    hint = "give this run the model's values, or start anew"
    if not resume:
        hint += "; to start from it all the same, set forkctl.trust_pretrained"
    reasons = "; ".join(sidecar.differences(there, here, named))
    raise ForkctlError(
        f"the model was made under other terms: {reasons}", where=str(folder), hint=hint
    )


def digest_of(statistics: Any) -> str:
    """The same numbers give the same digest, however the file was laid out."""
    text = json.dumps(statistics, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
