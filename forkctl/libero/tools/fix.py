"""Repairs of what validation finds, in new files. The originals are only read.

What is certain is repaired by default (`certain_fixes`): attributes, language, numbering, flags,
the gripper's convention where the fingers show it. What is only likely, such as which way up the
images are, is repaired when the user says what it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.libero.alignment import AUTO
from forkctl.libero.files import attrs as libero_attrs
from forkctl.libero.files.content import DemoContent, aligned, image_size_of, read_demo, write_demos
from forkctl.libero.files.provenance import recipe
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.schema import AGENTVIEW, CAMERAS, EYE_IN_HAND
from forkctl.libero.units.dimensions import METRES_PER_ACTION, RADIANS_PER_ACTION
from forkctl.libero.validation import FileReport
from forkctl.libero.validation.attributes import parsed

Array = npt.NDArray[Any]

GRIPPER: Mapping[str, Callable[[Array], Array]] = {
    "inverted": lambda gripper: -gripper,
    "01": lambda gripper: 2.0 * gripper - 1.0,  # 1 = close
    "open": lambda gripper: 1.0 - 2.0 * gripper,  # 1 = open
}
# What the frames are now -> LIBERO's, which are flipped top to bottom.
IMAGES: Mapping[str, Callable[[Array], Array]] = {
    "upright": lambda frames: frames[:, ::-1],
    "rot180": lambda frames: frames[:, ::-1, ::-1],
    "mirrored": lambda frames: frames[:, :, ::-1],
    "bgr": lambda frames: frames[..., ::-1],
}
SWAP = "swap"


@dataclass(frozen=True)
class Fixes:
    """What to repair; nothing by default."""

    attrs: bool = False
    language: bool = False
    renumber: bool = False
    dones: bool = False
    ee_states: bool = False
    align: bool = False
    alignment: str = AUTO
    actions_from: Optional[str] = None
    gripper_from: Optional[str] = None
    images: Tuple[str, ...] = ()
    drop_demos: Tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return replace(self, alignment=AUTO) != Fixes()

    def describe(self) -> str:
        """The options that ask for this, as they are typed."""
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            option = "--" + field.name.replace("_", "-")
            if value is True:
                words.append(option)
            elif isinstance(value, str) and value != field.default:
                words.append(f"{option} {value}")
            elif isinstance(value, tuple):
                words += [f"{option} {each}" for each in value]
        return " ".join(words)


# Findings that leave no doubt, and the repair.
_CERTAIN: Mapping[str, Mapping[str, Any]] = {
    "missing-attrs": {"attrs": True},
    "attr-invalid": {"attrs": True},
    "attr-mismatch": {"attrs": True},
    "image-convention-attr": {"attrs": True},
    "language-mismatch": {"language": True},
    "demo-gap": {"renumber": True},
    "no-terminal": {"dones": True},
    "metric-actions": {"actions_from": "metric"},
    "gripper-inverted": {"gripper_from": "inverted"},
}
_GRIPPER_MEANS = {"1 = close": "01", "1 = open": "open"}
# What is said of one demo alone does not hold for the others: that demo is left out.
_OF_ALL = ("gripper-inverted", "gripper-convention")
# Demos with these cannot be repaired, only left out.
_HOPELESS = (
    "unexpected-member",
    "missing-dataset",
    "unreadable-dataset",
    "wrong-shape",
    "wrong-dtype",
    "length-mismatch",
    "non-finite",
    "image-frozen",
    "image-blank",
    "duplicate-demo",
)


_UNREADABLE = ("unreadable-file", "reader-crashed", "reader-hung")


def certain_fixes(report: FileReport) -> Fixes:
    """The repairs that the findings leave no doubt about."""
    for finding in report.findings:
        if finding.code in _UNREADABLE:
            raise ForkctlError(
                f"cannot be repaired: {finding.detail}",
                where=report.path,
                hint="leave it out, or download it again",
            )
    fixes = Fixes()
    dropped: Dict[str, None] = {}
    for finding in report.findings:
        if finding.code in _HOPELESS or (finding.code in _OF_ALL and finding.where):
            dropped[finding.where.split("/")[0]] = None
        elif finding.code == "gripper-convention":
            for meaning, how in _GRIPPER_MEANS.items():
                if meaning in finding.detail:
                    fixes = replace(fixes, gripper_from=how)
        else:
            fixes = replace(fixes, **_CERTAIN.get(finding.code, {}))
    # Leaving demos out leaves gaps.
    return replace(fixes, drop_demos=tuple(dropped), renumber=fixes.renumber or bool(dropped))


def recipe_for(source: Path, fixes: Fixes) -> str:
    return recipe("fix", fixes, source)


def fix_file(job: Tuple[Path, Path, Fixes]) -> int:
    """Write the second path from the first; returns the number of its demos."""
    source, target, fixes = job
    with DemoFile(source) as file:
        absent = set(fixes.drop_demos) - set(file.demo_names)
        if absent:
            raise ForkctlError(f"no demo {min(absent)!r} to leave out", where=str(source))
        names = [name for name in file.demo_names if _kept(file, name, fixes)]
        if not names:
            raise ForkctlError("no demo would be left", where=str(source))
        alignment = file.alignment(fixes.alignment) if fixes.align else AUTO
        with_attrs = fixes.attrs or bool(file.attrs)

        def demos() -> Iterator[DemoContent]:
            for number, name in enumerate(names):
                content = _repaired(read_demo(file[name]), fixes, alignment)
                if fixes.renumber:
                    content = replace(content, name=f"demo_{number}")
                yield content

        size = image_size_of(read_demo(file[names[0]]))
        attrs = _file_attrs(file, fixes, size) if with_attrs else {}
        write_demos(target, demos(), attrs, recipe_for(source, fixes))
    return len(names)


def _kept(file: DemoFile, name: str, fixes: Fixes) -> bool:
    return name not in fixes.drop_demos and name.startswith("demo_") and file.is_group(name)


def _repaired(content: DemoContent, fixes: Fixes, alignment: str) -> DemoContent:
    data = content.datasets
    changed: Dict[str, Array] = {}
    actions = np.array(data["actions"])
    if fixes.actions_from == "metric":
        scale = [1 / METRES_PER_ACTION] * 3 + [1 / RADIANS_PER_ACTION] * 3 + [1.0]
        actions = actions * np.array(scale)
    if fixes.gripper_from:
        actions[:, 6] = GRIPPER[fixes.gripper_from](actions[:, 6])
    changed["actions"] = actions
    if fixes.dones:
        last = np.zeros(len(actions), dtype=np.uint8)
        last[-1] = 1
        changed["dones"] = last
    if fixes.ee_states:
        changed["obs/ee_states"] = np.concatenate([data["obs/ee_pos"], data["obs/ee_ori"]], axis=1)
    changed.update(_frames(data, fixes.images))
    content = content.with_datasets(changed)
    if fixes.align:
        content = aligned(content, alignment)
    if fixes.attrs:  # the count itself is written with the demo
        content = replace(content, attrs={"num_samples": 0, **content.attrs})
    return content


def _frames(data: Mapping[str, Array], changes: Tuple[str, ...]) -> Dict[str, Array]:
    frames = {f"obs/{camera}": data.get(f"obs/{camera}") for camera in CAMERAS}
    present = {name: values for name, values in frames.items() if values is not None}
    for change in changes:
        if change == SWAP:
            front, hand = f"obs/{AGENTVIEW}", f"obs/{EYE_IN_HAND}"
            if len(present) == 2:
                present = {front: present[hand], hand: present[front]}
        else:
            present = {name: IMAGES[change](values) for name, values in present.items()}
    return present if changes else {}


def _file_attrs(file: DemoFile, fixes: Fixes, image_size: Optional[int]) -> Dict[str, Any]:
    attrs = dict(file.attrs)
    if fixes.attrs:
        made = libero_attrs.file_attrs(file.task, image_size)
        broken = [name for name in made if _unusable(name, attrs.get(name))]
        attrs.update({name: made[name] for name in broken})
    if fixes.language:
        info = parsed(attrs.get("problem_info"))
        known = info if isinstance(info, dict) else libero_attrs.problem_info(file.task)
        attrs["problem_info"] = json.dumps({**known, "language_instruction": file.language})
    return attrs


def _unusable(name: str, value: Any) -> bool:
    if value is None:
        return True
    if name in ("problem_info", "env_args"):
        return not isinstance(parsed(value), dict)
    if name == "macros_image_convention":
        return str(value) != "opengl"
    return False
