"""Say what a transfer does: a table for the log, the same numbers for transfer.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.transfer import Move, TransferPlan, Verdict, refusal

_COLUMNS = tuple(Verdict)
_EXAMPLES = 5


def plan_as_dict(plan: TransferPlan) -> dict[str, Any]:
    """Everything that `transfer.json` and `--json` hold."""
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
                "why": move.verdict.value,
                "shape": list(move.facts.shape),
                "in_checkpoint": None if move.source_shape is None else list(move.source_shape),
            }
            for move in plan.moves
            if not move.verdict.takes_over
        ],
        "grown": [move.target for move in plan.moves if move.verdict is Verdict.GROWN],
        "unused": list(plan.unused),
    }


def by_group(plan: TransferPlan) -> dict[str, list[Move]]:
    """The moves of each part of the model, image encoders first, in the model's order."""
    groups: dict[str, list[Move]] = {}
    for move in sorted(plan.moves, key=lambda move: not move.visual):
        groups.setdefault(move.group, []).append(move)
    return groups


def plan_as_rows(plan: TransferPlan) -> list[list[str]]:
    """One row a group and one for all, under `header()`."""
    rows = [_row(group, moves) for group, moves in by_group(plan).items()]
    return [*rows, _row("all", plan.moves)]


def header() -> list[str]:
    return ["part", "tensors", *(verdict.value for verdict in _COLUMNS), "parameters", "buffers"]


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
    """One line for each tensor that both sides have in different sizes."""
    return [
        f"  {move.verdict.value}: {move.target} {move.source_shape} -> {move.facts.shape}"
        for move in plan.moves
        if move.verdict in (Verdict.RESHAPED, Verdict.GROWN)
    ]


def missing_and_unexpected(plan: TransferPlan) -> list[str]:
    """The lines that people know from other code to look for in a log."""
    missing = [move.target for move in plan.moves if not move.verdict.takes_over]
    return [
        f"  missing keys: {len(missing)}{_examples(missing)}",
        f"  unexpected keys: {len(plan.unused)}{_examples(plan.unused)}",
    ]


def _examples(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_EXAMPLES])
    return f" (for example {shown})" if shown else ""


def _counts(moves: Sequence[Move]) -> dict[str, int]:
    verdicts = Counter(move.verdict for move in moves)
    taken = [move for move in moves if move.verdict.takes_over]
    return {
        "tensors": len(moves),
        "tensors_taken": len(taken),
        "parameters": sum(move.facts.learned_numbers for move in moves),
        "parameters_taken": sum(_numbers_copied(move) for move in taken),
        **{verdict.value: verdicts[verdict] for verdict in _COLUMNS},
    }


def _numbers_copied(move: Move) -> int:
    if move.verdict is not Verdict.GROWN or not move.facts.learned_numbers:
        return move.facts.learned_numbers
    return TensorFacts(move.source_shape or ()).numel  # only the old columns are the checkpoint's


def _row(label: str, moves: Sequence[Move]) -> list[str]:
    counts = _counts(moves)
    return [
        label,
        f"{counts['tensors_taken']}/{counts['tensors']}",
        *(str(counts[verdict.value] or "-") for verdict in _COLUMNS),
        f"{counts['parameters_taken']:,}/{counts['parameters']:,}",
        str(sum(move.facts.buffer for move in moves) or "-"),
    ]
