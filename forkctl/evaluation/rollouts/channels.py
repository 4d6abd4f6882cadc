"""A fork's way with actions, without its network: what a perfect policy of that fork would answer.

A demonstration's actions go in, and come out as the fork's model would have said them: put into its
convention, normalised, rounded to its tokens or its floats, and un-normalised. Replayed, they must
succeed as often as the raw actions do. A fault is one mistake on that way, as people make them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from forkctl.errors import UsageError
from forkctl.evaluation.dimensions import GRIPPER, Floats
from forkctl.families.openvla import tokens as action_tokens
from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units.conventions import CONVENTIONS, Pose, rdt_slots, to_rdt_vector
from forkctl.libero.units.dimensions import METRES_PER_ACTION

# Where LIBERO's tabletop scenes have the foot of the arm, from the world's origin.
ROBOT_BASE = np.array([-0.66, 0.0, 0.912])


@dataclass(frozen=True)
class Statistics:
    """Of the demonstrations' actions, in OpenVLA's convention, as training would measure them."""

    q01: Floats
    q99: Floats
    low: Floats
    high: Floats


def measure(actions: Floats) -> Statistics:
    values = CONVENTIONS["openvla"].encode(actions, None)
    q01, q99 = np.quantile(values, [0.01, 0.99], axis=0)
    return Statistics(q01, q99, actions.min(axis=0), actions.max(axis=0))


# (actions in LIBERO's convention, the poses before them, statistics) -> what the model answers
Encode = Callable[[Floats, Pose, Statistics], Floats]
# what the model answers -> what it answers with the mistake
Fault = Callable[[Floats, Statistics], Floats]


@dataclass(frozen=True)
class Channel:
    convention: str
    summary: str
    encode: Encode
    faults: Mapping[str, Fault] = field(default_factory=dict)


def _raw(actions: Floats, pose: Pose, statistics: Statistics) -> Floats:
    return actions


def _openvla(low: str, high: str) -> Encode:
    """Normalised between two of the statistics, and rounded to tokens."""

    def encode(actions: Floats, pose: Pose, statistics: Statistics) -> Floats:
        values = CONVENTIONS["openvla"].encode(actions, pose)
        start = getattr(statistics, low)
        span = getattr(statistics, high) - start + 1e-8
        normal = np.clip(2 * (values - start) / span - 1, -1, 1)
        normal[..., GRIPPER] = values[..., GRIPPER]  # the mask leaves the gripper as it is
        said = action_tokens.values_from_tokens(action_tokens.tokens_from_values(normal))
        answer: Floats = (said + 1) / 2 * span + start
        answer[..., GRIPPER] = said[..., GRIPPER]
        return answer

    return encode


def _robomimic(actions: Floats, pose: Pose, statistics: Statistics) -> Floats:
    scale, offset = _min_max(statistics)
    normal = ((actions - offset) / scale).astype(np.float32)
    answer: Floats = normal.astype(np.float64) * scale + offset
    return answer


def _min_max(statistics: Statistics) -> tuple[Floats, Floats]:
    """A dimension that never moves is left alone."""
    half = (statistics.high - statistics.low) / 2
    still = half < 1e-4
    middle = (statistics.high + statistics.low) / 2
    return np.where(still, 1.0, half), np.where(still, statistics.low, middle)


def _rdt(name: str) -> Encode:
    def encode(actions: Floats, pose: Pose, statistics: Statistics) -> Floats:
        convention = CONVENTIONS[name]
        vector = _bfloat16(to_rdt_vector(convention.encode(actions, pose), convention.dims))
        answer: Floats = vector[..., rdt_slots(convention.dims)]
        return answer

    return encode


def _rdt_absolute(actions: Floats, pose: Pose, statistics: Statistics) -> Floats:
    """Positions from the robot's base: bfloat16 is coarse near one metre, where the world's origin
    puts them."""
    base = np.zeros(len(CONVENTIONS["rdt-absolute"].dims))
    base[:3] = ROBOT_BASE
    from_base = Pose(np.asarray(pose.position) - ROBOT_BASE, pose.orientation)
    answer: Floats = _rdt("rdt-absolute")(actions, from_base, statistics) + base
    return answer


def _bfloat16(values: Floats) -> Floats:
    """Rounded as RDT's floats are: eight bits of mantissa."""
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    result: Floats = rounded.view(np.float32).astype(np.float64)
    return result


def _negate_gripper(values: Floats, statistics: Statistics) -> Floats:
    return _changed(values, slice(-1, None), lambda gripper: -gripper)


def _swap_gripper(values: Floats, statistics: Statistics) -> Floats:
    return _changed(values, slice(-1, None), lambda gripper: 1 - gripper)


def _stay_in_quantiles(values: Floats, statistics: Statistics) -> Floats:
    span = statistics.q99 - statistics.q01 + 1e-8
    return _changed(values, slice(0, 6), lambda v: 2 * (v - statistics.q01[:6]) / span[:6] - 1)


def _stay_in_min_max(values: Floats, statistics: Statistics) -> Floats:
    scale, offset = _min_max(statistics)
    return _changed(values, slice(0, 6), lambda v: (v - offset[:6]) / scale[:6])


def _scaled_move(factor: float) -> Fault:
    def change(values: Floats, statistics: Statistics) -> Floats:
        return _changed(values, slice(0, 3), lambda move: np.multiply(move, factor))

    return change


def _from_base(values: Floats, statistics: Statistics) -> Floats:
    return _changed(values, slice(0, 3), lambda position: np.subtract(position, ROBOT_BASE))


def _changed(values: Floats, columns: slice, change: Callable[[Floats], Floats]) -> Floats:
    result: Floats = values.copy()
    result[..., columns] = change(values[..., columns])
    return result


_CONTROLLER_UNITS = _scaled_move(1 / METRES_PER_ACTION)
_METRES_TWICE = _scaled_move(METRES_PER_ACTION)

CHANNELS: Mapping[str, Channel] = MappingProxyType(
    {
        "libero": Channel(
            "libero", "the actions as they are", _raw, {"gripper-sign": _negate_gripper}
        ),
        "openvla": Channel(
            "openvla",
            "q01 to q99, 256 tokens",
            _openvla("q01", "q99"),
            {"gripper-sign": _swap_gripper, "not-unnormalised": _stay_in_quantiles},
        ),
        "openvla-bounds": Channel(
            "openvla", "minimum to maximum, 256 tokens", _openvla("low", "high")
        ),
        "robomimic": Channel(
            "robomimic",
            "minimum to maximum, 32 bits",
            _robomimic,
            {"gripper-sign": _negate_gripper, "not-unnormalised": _stay_in_min_max},
        ),
        "rdt-delta": Channel(
            "rdt-delta",
            "metres and 6D in slots 30 to 38, 16 bits",
            _rdt("rdt-delta"),
            {
                "gripper-sign": _swap_gripper,
                "controller-units": _CONTROLLER_UNITS,
                "metres-twice": _METRES_TWICE,
            },
        ),
        "rdt-velocity": Channel(
            "rdt-velocity",
            "metres and radians a second in slots 39 to 44, 16 bits",
            _rdt("rdt-velocity"),
            {"gripper-sign": _swap_gripper, "metres-a-step": _scaled_move(1 / CONTROL_HZ)},
        ),
        "rdt-absolute": Channel(
            "rdt-absolute",
            "target pose from the robot's base in slots 30 to 38, 16 bits",
            _rdt_absolute,
            {"gripper-sign": _swap_gripper, "base-frame": _from_base},
        ),
    }
)


def choose_channel(name: str, fault: str | None) -> tuple[Channel, Fault | None]:
    if name not in CHANNELS:
        raise UsageError(f"no way of actions {name!r}", hint=f"One of: {', '.join(CHANNELS)}.")
    channel = CHANNELS[name]
    if fault is not None and fault not in channel.faults:
        raise UsageError(
            f"{name} has no fault {fault!r}", hint=f"One of: {', '.join(channel.faults)}."
        )
    return channel, None if fault is None else channel.faults[fault]
