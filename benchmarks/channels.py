"""What a perfect policy of each fork would answer: its handling of actions, without its network.

A demonstration's actions go in and come out as the fork's model would have given them: converted to
its convention, normalised, rounded to its tokens or its floats, and un-normalised. Replayed, they
must succeed as often as the raw actions do. Each channel also knows the encoding mistakes that are
easily made with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from forkctl.evaluation.dimensions import GRIPPER, Floats
from forkctl.evaluation.policies.policy import Conventions, Policy, Prediction, Query
from forkctl.evaluation.rollouts.baselines import REPLAYED_AT_ONCE, next_actions
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.families.openvla import tokens as action_tokens
from forkctl.families.openvla.units import OPENVLA
from forkctl.families.rdt.units import CONVENTIONS, slots_of, to_vector
from forkctl.families.robomimic.units import ROBOMIMIC
from forkctl.libero.schema import CONTROL_HZ
from forkctl.libero.units.conventions import LIBERO, Convention, Pose
from forkctl.libero.units.dimensions import METRES_PER_ACTION

# Where LIBERO's tabletop scenes have the foot of the arm, from the world's origin.
ROBOT_BASE = np.array([-0.66, 0.0, 0.912])


@dataclass(frozen=True)
class ActionRanges:
    """As training would measure them: quantiles in OpenVLA's convention, the rest in LIBERO's."""

    q01: Floats
    q99: Floats
    low: Floats
    high: Floats


def ranges_of(actions: Floats) -> ActionRanges:
    values = OPENVLA.encode(actions, None)
    q01, q99 = np.quantile(values, [0.01, 0.99], axis=0)
    return ActionRanges(q01, q99, actions.min(axis=0), actions.max(axis=0))


# (actions in LIBERO's convention, the poses before them, ranges) -> what the model answers
Encode = Callable[[Floats, Pose, ActionRanges], Floats]
# what the model answers -> what it answers with the mistake
Mistake = Callable[[Floats, ActionRanges], Floats]


@dataclass(frozen=True)
class Channel:
    convention: Convention
    summary: str
    encode: Encode
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)


def _raw(actions: Floats, pose: Pose, ranges: ActionRanges) -> Floats:
    return actions


def _openvla(low: str, high: str) -> Encode:
    """Normalised between two of the ranges, and rounded to tokens."""

    def encode(actions: Floats, pose: Pose, ranges: ActionRanges) -> Floats:
        values = OPENVLA.encode(actions, pose)
        start = getattr(ranges, low)
        span = getattr(ranges, high) - start + 1e-8
        normal = np.clip(2 * (values - start) / span - 1, -1, 1)
        normal[..., GRIPPER] = values[..., GRIPPER]  # the mask leaves the gripper as it is
        said = action_tokens.values_from_tokens(action_tokens.tokens_from_values(normal))
        answer: Floats = (said + 1) / 2 * span + start
        answer[..., GRIPPER] = said[..., GRIPPER]
        return answer

    return encode


def _robomimic(actions: Floats, pose: Pose, ranges: ActionRanges) -> Floats:
    scale, offset = _min_max(ranges)
    normal = ((actions - offset) / scale).astype(np.float32)
    answer: Floats = normal.astype(np.float64) * scale + offset
    return answer


def _min_max(ranges: ActionRanges) -> tuple[Floats, Floats]:
    """Leaves a dimension alone that never moves."""
    half = (ranges.high - ranges.low) / 2
    still = half < 1e-4
    middle = (ranges.high + ranges.low) / 2
    return np.where(still, 1.0, half), np.where(still, ranges.low, middle)


def _rdt(name: str) -> Encode:
    def encode(actions: Floats, pose: Pose, ranges: ActionRanges) -> Floats:
        convention = CONVENTIONS[name]
        vector = _bfloat16(to_vector(convention.encode(actions, pose), convention.dims))
        answer: Floats = vector[..., slots_of(convention.dims)]
        return answer

    return encode


def _rdt_absolute(actions: Floats, pose: Pose, ranges: ActionRanges) -> Floats:
    """Positions from the robot's base: bfloat16 is coarse near one metre, where the world's origin
    puts them."""
    base = np.zeros(len(CONVENTIONS["absolute"].dims))
    base[:3] = ROBOT_BASE
    from_base = Pose(np.asarray(pose.position) - ROBOT_BASE, pose.orientation)
    answer: Floats = _rdt("absolute")(actions, from_base, ranges) + base
    return answer


def _bfloat16(values: Floats) -> Floats:
    """Rounded as RDT's floats are: eight bits of mantissa."""
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    result: Floats = rounded.view(np.float32).astype(np.float64)
    return result


def _negate_gripper(values: Floats, ranges: ActionRanges) -> Floats:
    return _changed(values, slice(-1, None), lambda gripper: -gripper)


def _swap_gripper(values: Floats, ranges: ActionRanges) -> Floats:
    return _changed(values, slice(-1, None), lambda gripper: 1 - gripper)


def _stay_in_quantiles(values: Floats, ranges: ActionRanges) -> Floats:
    span = ranges.q99 - ranges.q01 + 1e-8
    return _changed(values, slice(0, 6), lambda v: 2 * (v - ranges.q01[:6]) / span[:6] - 1)


def _stay_in_min_max(values: Floats, ranges: ActionRanges) -> Floats:
    scale, offset = _min_max(ranges)
    return _changed(values, slice(0, 6), lambda v: (v - offset[:6]) / scale[:6])


def _scaled_move(factor: float) -> Mistake:
    def change(values: Floats, ranges: ActionRanges) -> Floats:
        return _changed(values, slice(0, 3), lambda move: np.multiply(move, factor))

    return change


def _from_base(values: Floats, ranges: ActionRanges) -> Floats:
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
            LIBERO, "the actions as they are", _raw, {"gripper-sign": _negate_gripper}
        ),
        "openvla": Channel(
            OPENVLA,
            "q01 to q99, 256 tokens",
            _openvla("q01", "q99"),
            {"gripper-sign": _swap_gripper, "not-unnormalised": _stay_in_quantiles},
        ),
        "openvla-bounds": Channel(
            OPENVLA, "minimum to maximum, 256 tokens", _openvla("low", "high")
        ),
        "robomimic": Channel(
            ROBOMIMIC,
            "minimum to maximum, 32 bits",
            _robomimic,
            {"gripper-sign": _negate_gripper, "not-unnormalised": _stay_in_min_max},
        ),
        "rdt-delta": Channel(
            CONVENTIONS["delta"],
            "metres and 6D in slots 30 to 38, 16 bits",
            _rdt("delta"),
            {
                "gripper-sign": _swap_gripper,
                "controller-units": _CONTROLLER_UNITS,
                "metres-twice": _METRES_TWICE,
            },
        ),
        "rdt-velocity": Channel(
            CONVENTIONS["velocity"],
            "metres and radians a second in slots 39 to 44, 16 bits",
            _rdt("velocity"),
            {"gripper-sign": _swap_gripper, "metres-a-step": _scaled_move(1 / CONTROL_HZ)},
        ),
        "rdt-absolute": Channel(
            CONVENTIONS["absolute"],
            "target pose from the robot's base in slots 30 to 38, 16 bits",
            _rdt_absolute,
            {"gripper-sign": _swap_gripper, "base-frame": _from_base},
        ),
    }
)


@dataclass(frozen=True)
class ReplayThrough:
    """A demonstration's actions, as the channel gives them."""

    trials: Sequence[Trial]
    channel: str = "libero"
    mistake: str | None = None

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": "replay", "through": self.channel, "mistake": self.mistake}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        yield self

    @cached_property
    def ranges(self) -> ActionRanges:
        demos = [trial.start.demo for trial in self.trials]
        actions = [demo.actions() for demo in demos if demo is not None]
        return ranges_of(np.concatenate(actions).astype(np.float64))

    @property
    def conventions(self) -> Conventions:
        return Conventions(
            observations=("ee_pos", "ee_ori"),  # for the first step: files lack the pose before it
            chunk=REPLAYED_AT_ONCE,
            actions=CHANNELS[self.channel].convention,
        )

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return [Prediction(self._answer(query)) for query in queries]

    def _answer(self, query: Query) -> Floats:
        channel = CHANNELS[self.channel]
        actions = next_actions(self.trials, query)
        poses = [self._pose(query, step) for step in range(len(actions))]
        before = Pose(
            np.stack([pose.position for pose in poses]),
            np.stack([pose.orientation for pose in poses]),
        )
        answer = channel.encode(actions, before, self.ranges)
        if self.mistake is None:
            return answer
        return channel.mistakes[self.mistake](answer, self.ranges)

    def _pose(self, query: Query, offset: int) -> Pose:
        """Where the demonstrator's hand was before that action, as its file says."""
        demo = next(trial.start.demo for trial in self.trials if trial.name == query.episode)
        assert demo is not None
        row = query.step + offset - demo.pairing().offset
        if not 0 <= row < demo.length:
            seen = query.observation
            return Pose(seen["ee_pos"][-1], seen["ee_ori"][-1])
        return Pose(demo.obs("ee_pos")[row], demo.obs("ee_ori")[row])
