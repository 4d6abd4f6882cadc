"""What a transfer does: a table for the log, and the same numbers for transfer.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.transfer import TensorMove, TensorOutcome, TransferPlan, refusal

_COLUMNS = tuple(TensorOutcome)
_EXAMPLES = 5


def plan_as_dict(plan: TransferPlan) -> dict[str, Any]:
    """Everything in `transfer.json` and `--json`."""
    refused = refusal(plan)
    return {
        "refused": str(refused) if refused else None,
        "total": _counts(plan.moves),
        "visual_encoder": _counts(plan.visual),
        "buffers": _counts([move for move in plan.moves if move.facts.buffer]),
        "groups": {group: _counts(moves) for group, moves in by_group(plan).items()},
        "rules": {
            "key_map": {
                k: v if isinstance(v, str) else list(v) for k, v in plan.rules.key_map.items()
            },
            "strip_wrappers": plan.rules.strip_wrappers,
            "filter_shapes": plan.rules.filter_shapes,
            "grow": list(plan.rules.grow),
            "require_visual": plan.rules.require_visual,
        },
        "not_taken_over": [
            {
                "name": move.target,
                "why": move.outcome.value,
                "shape": list(move.facts.shape),
                "in_checkpoint": None if move.source_shape is None else list(move.source_shape),
            }
            for move in plan.moves
            if not move.outcome.takes_over
        ],
        "grown": [move.target for move in plan.moves if move.outcome is TensorOutcome.GROWN],
        "unused": list(plan.unused),
    }


def by_group(plan: TransferPlan) -> dict[str, list[TensorMove]]:
    """The moves of each part of the model, image encoders first, in the model's order."""
    groups: dict[str, list[TensorMove]] = {}
    for move in sorted(plan.moves, key=lambda move: not move.visual):
        groups.setdefault(move.group, []).append(move)
    return groups


def plan_as_rows(plan: TransferPlan) -> list[list[str]]:
    """One row per group and one for all, under `header()`."""
    rows = [_row(group, moves) for group, moves in by_group(plan).items()]
    return [*rows, _row("all", plan.moves)]


def header() -> list[str]:
    return ["part", "tensors", *(outcome.value for outcome in _COLUMNS), "parameters", "buffers"]


def plan_as_text(plan: TransferPlan) -> str:
    """The table for a log file: plain columns, no colour."""
    table = [header(), *plan_as_rows(plan)]
    widths = [max(map(len, column)) for column in zip(*table)]  # noqa: B905 - Python 3.9
    lines = []
    for first, *rest in table:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:])]  # noqa: B905
        lines.append("  ".join(cells))
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(line.rstrip() for line in [*lines, summary_line(plan)])


def summary_line(plan: TransferPlan) -> str:
    return (
        f"visual encoder: {len(plan.visual_taken)} of {len(plan.visual)} tensors; "
        f"{len(plan.unused)} tensors of the checkpoint have no place in the model"
    )


def differences(plan: TransferPlan) -> list[str]:
    """One line for each tensor that the two sides have in different sizes."""
    return [
        f"  {move.outcome.value}: {move.target} {move.source_shape} -> {move.facts.shape}"
        for move in plan.moves
        if move.outcome in (TensorOutcome.RESHAPED, TensorOutcome.GROWN)
    ]


def missing_and_unexpected(plan: TransferPlan) -> list[str]:
    """Lines that users know from other code and look for in a log."""
    missing = [move.target for move in plan.moves if not move.outcome.takes_over]
    return [
        f"  missing keys: {len(missing)}{_examples(missing)}",
        f"  unexpected keys: {len(plan.unused)}{_examples(plan.unused)}",
    ]


def _examples(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_EXAMPLES])
    return f" (for example {shown})" if shown else ""


def _counts(moves: Sequence[TensorMove]) -> dict[str, int]:
    outcomes = Counter(move.outcome for move in moves)
    taken = [move for move in moves if move.outcome.takes_over]
    return {
        "tensors": len(moves),
        "tensors_taken": len(taken),
        "parameters": sum(move.facts.learned_numbers for move in moves),
        "parameters_taken": sum(_numbers_copied(move) for move in taken),
        **{outcome.value: outcomes[outcome] for outcome in _COLUMNS},
    }


def _numbers_copied(move: TensorMove) -> int:
    if move.outcome is not TensorOutcome.GROWN or not move.facts.learned_numbers:
        return move.facts.learned_numbers
    return TensorFacts(
        move.source_shape or ()
    ).numel  # only the old columns come from the checkpoint


def _row(label: str, moves: Sequence[TensorMove]) -> list[str]:
    counts = _counts(moves)
    return [
        label,
        f"{counts['tensors_taken']}/{counts['tensors']}",
        *(str(counts[outcome.value] or "-") for outcome in _COLUMNS),
        f"{counts['parameters_taken']:,}/{counts['parameters']:,}",
        str(sum(move.facts.buffer for move in moves) or "-"),
    ]
