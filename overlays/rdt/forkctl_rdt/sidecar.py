"""forkctl.json beside a model: what its numbers mean, and whether a run may go on from it.

RDT's checkpoint says nothing of representation or units, and a model that was trained on metres
and is read as metres a second fails without a word.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any, Mapping

from forkctl.errors import ForkctlError
from forkctl.families.rdt.vectors import RdtLayout

FILE = "forkctl.json"
FORMAT = 1

# What a model must share with a run that starts from it, and what with one that goes on.
_MEANING = ("representation", "joints", "robot_base", "units", "rotate_images", "alignment")
_DATA = ("dataset", "holdout", "statistics", "control_hz")


class SidecarError(ForkctlError):
    """There is none, it cannot be read, or it says something else."""


@dataclass(frozen=True)
class Sidecar:
    """`units` are by slot. `alignment` is what was found in the files, never "auto"."""

    representation: str
    joints: bool
    robot_base: tuple[float, ...]
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
    format: int = FORMAT

    @property
    def layout(self) -> RdtLayout:
        x, y, z = self.robot_base
        return RdtLayout(self.representation, self.joints, (x, y, z))


def write_sidecar(sidecar: Sidecar, folder: str | Path) -> None:
    """In one step, so that a checkpoint has either no side-car or a whole one."""
    temporary = Path(folder) / f"{FILE}.new"
    temporary.write_text(json.dumps(asdict(sidecar), indent=2) + "\n", encoding="utf-8")
    temporary.replace(Path(folder) / FILE)


def read_sidecar(folder: str | Path) -> Sidecar:
    """The side-car in the folder of a checkpoint or of a finished model."""
    path = Path(folder) / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SidecarError(
            f"nothing says what the numbers of this model mean: there is no {FILE}",
            where=str(folder),
            hint="It was not trained by forkctl, or its saving was cut short. Take another one.",
        ) from None
    except (OSError, ValueError) as error:
        raise SidecarError(f"cannot be read: {error}", where=str(path)) from error
    return _from_json(values, path)


def check_fits(folder: str | Path, wanted: Sidecar, *, resume: bool) -> None:
    """Refuse a model that was made under another representation, alignment, or data."""
    found = read_sidecar(folder)
    names = _MEANING + _DATA if resume else _MEANING
    apart = [name for name in names if getattr(found, name) != getattr(wanted, name)]
    if not apart:
        return
    # the units follow from the representation: alone they are worth a word
    told = [name for name in apart if name != "units"] or apart
    reasons = [
        f"{name} is {getattr(found, name)!r} there and {getattr(wanted, name)!r} here"
        for name in told
    ]
    hint = "Give this run the model's values, or start anew."
    if not resume:
        hint += " To start from it all the same, set forkctl.trust_pretrained."
    raise SidecarError(
        f"the model was made under other terms: {'; '.join(reasons)}", where=str(folder), hint=hint
    )


def digest_of(statistics: Any) -> str:
    """The same numbers give the same digest, however the file was laid out."""
    text = json.dumps(statistics, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def versions_of(*packages: str) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _from_json(values: Any, path: Path) -> Sidecar:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        form = values.get("format") if isinstance(values, dict) else None
        raise SidecarError(f"is of format {form}, and this forkctl reads {FORMAT}", where=str(path))
    odd = set(values) ^ {field.name for field in fields(Sidecar)}
    if odd:
        raise SidecarError(f"lacks or has too much: {', '.join(sorted(odd))}", where=str(path))
    frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Sidecar(**frozen)
