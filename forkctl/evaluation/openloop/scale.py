"""How large an action is in each dimension: the yardstick that makes dimensions comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.evaluation.dimensions import GRIPPER, WIDTH, Floats
from forkctl.libero.files.paths import find_files
from forkctl.libero.files.reader import open_demo_file
from forkctl.libero.units.published import published
from forkctl.reading import read_json, reason

# 0.05 of the normalised half range, the threshold of published notes for "near zero". It is more
# than six of 256 bins, and just above the smallest step that LIBERO's device makes.
DEAD_ZONE = 0.025
HALF_BIN = 0.5 / 256
# A dimension that hardly moves must not turn noise into huge normalised errors.
SMALLEST_RANGE = 0.02
_STATISTICS = ("q01", "q99", "mean")


@dataclass(frozen=True)
class Scale:
    """q01, q99 and mean of the actions that the policy was trained on, in LIBERO's units."""

    q01: Floats
    q99: Floats
    mean: Floats
    source: str
    dead_zone_share: float = DEAD_ZONE

    def __post_init__(self) -> None:
        if self.dead_zone_share < HALF_BIN:
            raise ForkctlError(
                f"a dead zone of {self.dead_zone_share:g} of the range is less than half a bin",
                hint=f"at least {HALF_BIN:.5f}; the default is {DEAD_ZONE}",
            )

    def to_json(self) -> dict[str, object]:
        return {
            "source": self.source,
            "dead_zone_share": self.dead_zone_share,
            "q01": self.q01.tolist(),
            "q99": self.q99.tolist(),
            "mean": self.mean.tolist(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Scale:
        q01, q99, mean = (np.array(values[name], dtype=np.float64) for name in _STATISTICS)
        return cls(q01, q99, mean, values["source"], values["dead_zone_share"])

    @property
    def span(self) -> Floats:
        span = np.maximum(self.q99 - self.q01, SMALLEST_RANGE)
        span[GRIPPER] = 2.0
        return span

    @property
    def dead_zone(self) -> Floats:
        """Below this an action counts as standing still."""
        return self.dead_zone_share * self.span

    def normalise(self, actions: Floats) -> Floats:
        """The same affine map for truth and prediction: [q01, q99] to [-1, 1], not clipped."""
        return 2.0 * (actions - self.q01) / self.span - 1.0

    def bins(self, actions: Floats) -> Floats:
        """0..255, as policies that answer in tokens divide the range."""
        clipped = np.clip(self.normalise(actions), -1.0, 1.0)
        return np.clip(np.floor((clipped + 1.0) * 127.5), 0, 255)


def scale_of(actions: Floats, source: str, dead_zone_share: float = DEAD_ZONE) -> Scale:
    """From the actions themselves."""
    q01, q99 = np.quantile(actions, [0.01, 0.99], axis=0)
    return Scale(q01, q99, actions.mean(axis=0), source, dead_zone_share)


def measured_scale(data: Path, dead_zone_share: float = DEAD_ZONE) -> Scale:
    """From all demos there, the held-out ones too, as upstreams compute theirs."""
    actions = [
        np.asarray(demo.actions(), dtype=np.float64)
        for path in find_files([data])
        for demo in open_demo_file(path)
    ]
    return scale_of(np.concatenate(actions), f"all demos of {data}", dead_zone_share)


def scale_from_file(path: Path, key: str | None, dead_zone_share: float = DEAD_ZONE) -> Scale:
    """From a `dataset_statistics.json`: q01, q99 and mean of `action`, by data set."""
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise ForkctlError(f"cannot read statistics: {reason(error)}", where=str(path)) from error
    entry = _entry(content, key, path)
    try:
        fields = {name: np.array(entry[name], dtype=np.float64) for name in _STATISTICS}
    except (KeyError, TypeError, ValueError) as error:
        raise ForkctlError(
            f"no usable q01, q99 and mean of the action: {error}",
            where=str(path),
            hint="write the file with `forkctl data stats`",
        ) from error
    for name, values in fields.items():
        if values.shape != (WIDTH,) or not np.isfinite(values).all():
            raise ForkctlError(f"{name} is not {WIDTH} finite numbers", where=str(path))
    return _from_published_form(fields, str(path), dead_zone_share)


def published_scales(dead_zone_share: float = DEAD_ZONE) -> dict[str, Scale]:
    """The suites' published statistics: a checkpoint may have been un-normalised with them."""
    scales = {}
    for suite, entry in published().items():
        if entry.complete:
            fields = {name: np.array(entry.fields[name]) for name in _STATISTICS}
            scales[f"the published statistics of {suite}"] = _from_published_form(
                fields, entry.source, dead_zone_share
            )
    return scales


def _from_published_form(
    fields: Mapping[str, Floats], source: str, dead_zone_share: float
) -> Scale:
    """The gripper there is 1 = open, 0 = close; here it is -1 = open, +1 = close."""
    q01, q99, mean = (fields[name].copy() for name in _STATISTICS)
    q01[GRIPPER], q99[GRIPPER] = -1.0, 1.0
    mean[GRIPPER] = 1.0 - 2.0 * mean[GRIPPER]
    return Scale(q01, q99, mean, source, dead_zone_share)


def _entry(content: object, key: str | None, path: Path) -> Mapping[str, object]:
    if not isinstance(content, dict) or not content:
        raise ForkctlError("not a statistics file", where=str(path))
    if key is None and len(content) > 1:
        raise ForkctlError(
            f"the file holds statistics of {', '.join(sorted(content))}",
            where=str(path),
            hint="say which with --stats-key",
        )
    found = content.get(key if key is not None else next(iter(content)))
    if not isinstance(found, dict) or not isinstance(found.get("action"), dict):
        raise ForkctlError(
            f"no action statistics under {key!r}",
            where=str(path),
            hint=f"it has {', '.join(sorted(content))}",
        )
    entry = found["action"]
    assert isinstance(entry, dict)
    return entry
