"""Decide which tensor of a checkpoint goes where in a model. Only names and shapes; no numbers.

A plan has one move for each tensor of the model, so that what is *not* taken over is as easy to see
as what is.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.names import (
    Grouping,
    KeyMap,
    canonical,
    check_map,
    group_tensors,
    renamed,
)
from forkctl.errors import ForkctlError

Tensors = Mapping[str, TensorFacts]

ENOUGH = 0.9  # of the weights of each image encoder; the rest may differ in size


class TensorOutcome(str, enum.Enum):
    TRANSFERRED = "transferred"  # same name, same shape
    RENAMED = "renamed"  # by the key map
    GROWN = "grown"  # more input columns than in the checkpoint: old ones copied, new ones zero
    RESHAPED = "reshaped"  # the shapes differ: the model keeps its own
    NEW = "new"  # the checkpoint has nothing of that name

    @property
    def takes_over(self) -> bool:
        return self in (TensorOutcome.TRANSFERRED, TensorOutcome.RENAMED, TensorOutcome.GROWN)


@dataclass(frozen=True)
class Rules:
    """How to match. `grow`: patterns of names whose input columns may be filled in part."""

    key_map: KeyMap = field(default_factory=dict)
    strip_wrappers: bool = True
    filter_shapes: bool = True
    grow: tuple[str, ...] = ()
    require_visual: bool = True


# What `load_state_dict(strict=False)` alone does: names as they are, and no size may differ.
PLAIN_NON_STRICT = Rules(strip_wrappers=False, filter_shapes=False)


@dataclass(frozen=True)
class TensorMove:
    target: str
    source: str | None
    outcome: TensorOutcome
    facts: TensorFacts  # of the model's tensor
    source_shape: tuple[int, ...] | None
    group: str
    visual: bool


@dataclass(frozen=True)
class TransferPlan:
    moves: tuple[TensorMove, ...]
    unused: tuple[str, ...]  # tensors of the checkpoint that the model has no place for
    rules: Rules

    @property
    def taken(self) -> tuple[TensorMove, ...]:
        return tuple(move for move in self.moves if move.outcome.takes_over)

    @property
    def visual(self) -> tuple[TensorMove, ...]:
        return tuple(move for move in self.moves if move.visual)

    @property
    def visual_taken(self) -> tuple[TensorMove, ...]:
        return tuple(move for move in self.visual if move.outcome.takes_over)


def plan_transfer(source: Tensors, target: Tensors, rules: Rules) -> TransferPlan:
    """Match the checkpoint's tensors to the model's."""
    if rules.key_map:
        check_map(rules.key_map, source, target)
    known = _index(source, rules)
    grouping = group_tensors(target)
    moves: list[TensorMove] = []
    used = set()
    for name, facts in target.items():
        found = known.get(canonical(name) if rules.strip_wrappers else name)
        if found is not None:
            used.add(found)
        moves.append(_move(name, facts, found, source, rules, grouping))
    unused = tuple(name for name in source if name not in used)
    return TransferPlan(tuple(moves), unused, rules)


def _index(source: Tensors, rules: Rules) -> dict[str, str]:
    """The name that a model would use -> the checkpoint's name."""
    index: dict[str, str] = {}
    for name in source:
        plain = canonical(name) if rules.strip_wrappers else name
        for alias in renamed(plain, rules.key_map):
            if alias in index:
                raise ForkctlError(
                    f"{index[alias]} and {name} would both become {alias}",
                    where="ckpt_key_map",
                    hint="map each camera of the checkpoint to a different camera of the model",
                )
            index[alias] = name
    return index


def _move(
    name: str,
    facts: TensorFacts,
    found: str | None,
    source: Tensors,
    rules: Rules,
    grouping: Grouping,
) -> TensorMove:
    shape = source[found].shape if found is not None else None
    return TensorMove(
        target=name,
        source=found,
        outcome=_outcome(name, facts, found, shape, rules),
        facts=facts,
        source_shape=shape,
        group=grouping.label(name),
        visual=grouping.is_visual(name),
    )


def _outcome(
    name: str,
    facts: TensorFacts,
    found: str | None,
    shape: tuple[int, ...] | None,
    rules: Rules,
) -> TensorOutcome:
    if found is None or shape is None:
        return TensorOutcome.NEW
    if shape != facts.shape:
        growing = any(fnmatchcase(canonical(name), pattern) for pattern in rules.grow)
        return (
            TensorOutcome.GROWN
            if growing and has_more_columns(shape, facts.shape)
            else TensorOutcome.RESHAPED
        )
    return (
        TensorOutcome.TRANSFERRED if canonical(found) == canonical(name) else TensorOutcome.RENAMED
    )


def has_more_columns(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether `new` is `old` with more inputs: dimension 1 of linear and convolution weights."""
    return (
        len(old) == len(new)
        and len(new) >= 2
        and new[1] > old[1]
        and old[:1] + old[2:] == new[:1] + new[2:]
    )


def refusal(plan: TransferPlan) -> ForkctlError | None:
    """Why this transfer must not happen; None if it may."""
    if not plan.rules.filter_shapes:
        differing = [move for move in plan.moves if move.outcome is TensorOutcome.RESHAPED]
        if differing:
            first = differing[0]
            return ForkctlError(
                f"{len(differing)} tensors differ in size, which load_state_dict(strict=False) "
                f"does not accept: {first.target} is {first.source_shape} in the checkpoint, "
                f"{first.facts.shape} in the model",
                where="checkpoint transfer",
                hint='set experiment.ckpt_transfer.mode to "partial" to leave those out',
            )
    if not plan.taken:
        return ForkctlError(
            "nothing of the checkpoint would be transferred",
            where="checkpoint transfer",
            hint="compare the names with `forkctl ckpt inspect FILE`",
        )
    blind = _blind_cameras(plan)
    if plan.rules.require_visual and blind:
        return ForkctlError(
            f"too little would be transferred of the {'; of the '.join(blind)}, and "
            f"{ENOUGH:.0%} are needed: fine-tuning would start with a blind policy",
            where="checkpoint transfer",
            hint="map each camera in experiment.ckpt_key_map {checkpoint's: model's}; one of the "
            "checkpoint's may serve several, as a list. Or set "
            "experiment.ckpt_transfer.require_visual to false",
        )
    return None


def _blind_cameras(plan: TransferPlan) -> list[str]:
    """The image encoders that would mostly start anew, with their counts."""
    learned: dict[str, list[TensorMove]] = {}
    for move in plan.visual:
        if not move.facts.buffer:
            learned.setdefault(move.group, []).append(move)
    counts = {
        group: (sum(move.outcome.takes_over for move in moves), len(moves))
        for group, moves in learned.items()
    }
    return [
        f"{group} ({taken} of {all_of_it} weights)"
        for group, (taken, all_of_it) in counts.items()
        if taken < ENOUGH * all_of_it
    ]
