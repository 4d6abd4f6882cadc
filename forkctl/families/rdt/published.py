"""Published action statistics in the slots of RDT's 128-vector.

What was published is of LIBERO's own actions. Positions and the gripper are exact after scaling; a
mean 6D rotation is that of small angles, which all of LIBERO's are (under 0.19 rad).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.errors import ForkctlError
from forkctl.families.rdt.units import DELTA_ACTION, VELOCITY_ACTION, slots_of, to_vector
from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.suites import get_suite
from forkctl.libero.units.dimensions import (
    METRES_PER_ACTION,
    RADIANS_PER_ACTION,
    Dimensions,
)
from forkctl.libero.units.published import published

Array = npt.NDArray[Any]

_SCALE = np.array([METRES_PER_ACTION] * 3 + [RADIANS_PER_ACTION] * 3 + [1.0])


def published_actions(suite: str, representation: str) -> dict[str, Any]:
    """`action_mean` and `action_std`; q01 and q99 stand in for a minimum and a maximum that were
    not published."""
    name = get_suite(suite).name
    known = published().get(name)
    if known is None or not known.complete:
        raise ForkctlError(
            f"no complete statistics are published for {name}", hint="measure them from the data"
        )
    fields = dict(known.fields)
    fields.setdefault("min", fields["q01"])
    fields.setdefault("max", fields["q99"])
    metric = {name: fields[name] * _SCALE for name in ("mean", "std", "min", "max")}
    if representation == "velocity":
        rate = np.array([CONTROL_HZ] * 6 + [1.0])
        values = {name: value * rate for name, value in metric.items()}
        return _entry(values, VELOCITY_ACTION)
    if representation != "delta":
        raise ForkctlError(
            "a published mean of offsets says nothing of absolute poses",
            hint="statistics: measured",
        )
    sixd = {name: _small_sixd(name, value) for name, value in metric.items()}
    return _entry(sixd, DELTA_ACTION)


def _small_sixd(field: str, values: Array) -> Array:
    """Near the identity the two columns are (1, wz, -wy) and (-wz, 1, wx)."""
    wx, wy, wz = values[3:6]
    if field == "mean":
        turned = [1, wz, -wy, -wz, 1, wx]
    elif field == "std":
        turned = [0, wz, wy, wz, 0, wx]
    else:  # where the sign turns a minimum is a maximum; the sizes bound both
        x, y, z = (abs(value) for value in (wx, wy, wz))
        turned = [1, z, y, z, 1, x]
        if field == "min":
            turned = [1 - (y * y + z * z) / 2, -z, -y, -z, 1 - (x * x + z * z) / 2, -x]
    return np.concatenate([values[:3], turned, values[6:]])


def _entry(values: dict[str, Array], dimensions: Dimensions) -> dict[str, Any]:
    assert len(slots_of(dimensions)) == len(values["mean"])
    return {
        f"action_{name}": to_vector(value, dimensions).tolist() for name, value in values.items()
    }
