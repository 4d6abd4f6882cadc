"""New files from old ones: no-ops left out, actions resampled, frames resized.

The result is always aligned: observation t goes with action t. Leaving steps out of a raw file
would otherwise pair them wrongly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.libero.alignment import AUTO
from forkctl.libero.files.content import DemoContent, aligned, image_size_of, read_demo, write_demos
from forkctl.libero.files.provenance import recipe
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.schema import CAMERAS
from forkctl.libero.units import resampling
from forkctl.libero.units.noops import noop_mask

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ConvertOptions:
    """`hz` None keeps 20. Windows start at every step unless `stride` says otherwise."""

    alignment: str = AUTO
    drop_noops: bool = False
    hz: Optional[float] = None
    mode: str = resampling.MEAN
    gripper: str = resampling.LAST
    stride: int = 1
    image_size: Optional[int] = None
    compress: bool = False


@dataclass(frozen=True)
class ConvertReport:
    """`replay_error_mm` is the largest of all demos, `magnitude_ratio` their mean."""

    source: str
    target: str
    demos: int
    steps_before: int
    steps_after: int
    noops: int
    replay_error_mm: Optional[float] = None
    magnitude_ratio: Optional[float] = None


def recipe_for(source: Path, options: ConvertOptions) -> str:
    return recipe("convert", options, source)


def convert_file(paths: Tuple[Path, Path], options: ConvertOptions) -> ConvertReport:
    """Write the second path from the first, complete or not at all."""
    source, target = paths
    replays: List[resampling.ResamplingReport] = []
    counts = {"before": 0, "noops": 0}
    with DemoFile(source) as file:
        alignment = file.alignment(options.alignment)

        def demos() -> Iterator[DemoContent]:
            for demo in file:
                content = aligned(read_demo(demo), alignment)
                counts["before"] += content.steps
                content, dropped = _without_noops(content, options.drop_noops)
                counts["noops"] += dropped
                content, replay = _resampled(content, options)
                replays.extend(replay)
                yield _resized(content, options.image_size)

        attrs = _attrs(dict(file.attrs), options)
        how = recipe_for(source, options)
        after = write_demos(target, demos(), attrs, how, compress=options.compress)
        count = len(file)
    return ConvertReport(
        source=str(source),
        target=str(target),
        demos=count,
        steps_before=counts["before"],
        steps_after=after,
        noops=counts["noops"],
        replay_error_mm=max((each.replay_error_mm for each in replays), default=None),
        magnitude_ratio=(
            float(np.mean([each.magnitude_ratio for each in replays])) if replays else None
        ),
    )


def _without_noops(content: DemoContent, wanted: bool) -> Tuple[DemoContent, int]:
    if not wanted:
        return content, 0
    keep = ~noop_mask(content.datasets["actions"])
    if not keep.any():
        raise ForkctlError("every step of the demo is a no-op", where=content.name)
    return _steps(content, np.flatnonzero(keep)), int((~keep).sum())


def _resampled(
    content: DemoContent, options: ConvertOptions
) -> Tuple[DemoContent, Sequence[resampling.ResamplingReport]]:
    if options.hz is None:
        return content, ()
    factor = resampling.factor_for(options.hz)
    actions = content.datasets["actions"]
    windows = resampling.resample(
        actions, factor, mode=options.mode, gripper=options.gripper, stride=options.stride
    )
    replay = resampling.report(actions, factor, mode=options.mode, gripper=options.gripper)
    content = _steps(content, windows.starts)
    return content.with_datasets({"actions": windows.actions}), (replay,)


def _steps(content: DemoContent, chosen: Array) -> DemoContent:
    """These steps, with the last of them marked as the end of the demo."""
    kept = content.rows(chosen)
    changed: Dict[str, Array] = {}
    for name in ("dones", "rewards"):
        if name in kept.datasets:
            changed[name] = np.append(kept.datasets[name][:-1], content.datasets[name][-1:])
    return kept.with_datasets(changed)


def _resized(content: DemoContent, size: Optional[int]) -> DemoContent:
    if size is None or image_size_of(content) == size:
        return content
    import cv2

    changed = {}
    for camera in CAMERAS:
        frames = content.datasets.get(f"obs/{camera}")
        if frames is not None:
            # area averaging when it shrinks: anything else would alias
            how = cv2.INTER_AREA if size < frames.shape[1] else cv2.INTER_CUBIC
            resized = [cv2.resize(frame, (size, size), interpolation=how) for frame in frames]
            changed[f"obs/{camera}"] = np.stack(resized).astype(np.uint8)
    return content.with_datasets(changed)


def _attrs(attrs: Dict[str, Any], options: ConvertOptions) -> Dict[str, Any]:
    """The source's attributes, true for the new file."""
    if options.image_size and "env_args" in attrs:
        try:
            args = json.loads(attrs["env_args"])
            args["env_kwargs"].update(
                camera_heights=options.image_size, camera_widths=options.image_size
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            pass  # not readable: it stays as it is, and validate reports it
        else:
            attrs["env_args"] = json.dumps(args)
    return attrs


def check_options(options: ConvertOptions) -> ConvertOptions:
    """Refuse what cannot be done, before the first file is read."""
    if options.hz is not None:
        factor = resampling.factor_for(options.hz)
        if options.stride > factor:
            hint = f"at most {factor} at {options.hz:g} Hz; 1 starts a window at every step"
            raise ForkctlError(f"a stride of {options.stride} leaves steps out", hint=hint)
    elif options.stride != 1:
        raise ForkctlError("--stride needs --hz", hint="give the rate, such as --hz 5")
    return options
