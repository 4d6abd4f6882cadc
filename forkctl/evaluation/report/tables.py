"""Tables of the report, as HTML text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from forkctl.evaluation.dimensions import COLUMNS
from forkctl.evaluation.openloop.baselines import RULES
from forkctl.evaluation.openloop.metrics.metric import Metric
from forkctl.evaluation.openloop.metrics.table import METRIC, METRICS, Estimate, Table
from forkctl.evaluation.openloop.scoring import ArmResult, OpenLoopResult
from forkctl.evaluation.report.markup import html_table

HEADLINE = (
    ("l1_norm", "motion"),
    ("skill_mean", "motion"),
    ("skill_previous", "motion"),
    ("dir_cond", "motion"),
    ("abstain", "motion"),
    ("near_zero", "motion"),
    ("magnitude_ratio", "motion"),
    ("gripper_balanced", "gripper"),
    ("transition_recall", "gripper"),
)
FAMILIES = {
    "distance": "Distance",
    "direction": "Direction (of the moves; right + inverted + abstains = 1)",
    "size": "Size",
    "gripper": "Gripper",
    "tokens": "Tokens",
}
SHARES = frozenset(
    {
        *("dir_acc", "inverted", "abstain", "dir_cond", "false_move", "near_zero"),
        *("near_zero_truth", "gripper_accuracy", "gripper_balanced", "transition_recall"),
        *("transition_precision", "top_token", "top_token_truth", "invalid_tokens"),
        *("naive_sign_accuracy", "naive_inverted", "naive_near_zero"),
    }
)


def shown(metric: str, cell: Estimate, signed: bool = False) -> str:
    """A value with its interval below it; a dash where there is none."""
    if not math.isfinite(cell.value):
        return "<td>&ndash;</td>"
    interval = ""
    if math.isfinite(cell.low) and cell.high - cell.low > 1e-9:
        low, high = _number(metric, cell.low, signed), _number(metric, cell.high, signed)
        interval = f"<small>{low} &hellip; {high}</small>"
    return f"<td>{_number(metric, cell.value, signed)}{interval}</td>"


def _number(metric: str, value: float, signed: bool) -> str:
    plus = "+" if signed or metric.startswith("skill") or metric == "correlation" else ""
    if metric in SHARES:
        return f"{100 * value:{plus}.1f}"
    digits = 3 if metric.startswith("l1") else 2
    return f"{value:{plus}.{digits}f}"


def _title(metric: Metric) -> str:
    words = f"{metric.title}, %" if metric.name in SHARES else metric.title
    return f'<span title="{escape(metric.meaning)}">{escape(words)}</span>'


def headline(result: OpenLoopResult) -> str:
    """Policies over trivial policies, a row each, and what base and fine-tuned differ by."""
    heads = "".join(f"<th>{_title(METRIC[metric])}</th>" for metric, _ in HEADLINE)
    rows = [_row(arm.name, arm.table, "policy") for arm in result.arms]
    if result.difference is not None:
        first, second = result.arms[0].name, result.arms[1].name
        rows.append(_row(f"{first} minus {second}", result.difference, "", signed=True))
    rows += [
        _row(f"{name}: {RULES[name][1]}", table, "trivial")
        for name, table in result.trivial.items()
    ]
    return html_table(f"<th>policy</th>{heads}", rows)


def _row(name: str, table: Table, kind: str, signed: bool = False) -> str:
    cells = "".join(shown(metric, table[metric, column], signed) for metric, column in HEADLINE)
    return f'<tr class="{kind}"><td>{escape(name)}</td>{cells}</tr>'


def by_dimension(arm: ArmResult) -> str:
    """Every metric, for every column that it has."""
    rows = []
    for family, title in FAMILIES.items():
        metrics = [m for m in METRICS if m.family == family and _has_value(m, arm.table)]
        if metrics:
            rows.append(f'<tr class="family"><th colspan="{len(COLUMNS) + 1}">{title}</th></tr>')
            rows += [_metric_row(metric, arm.table) for metric in metrics]
    return html_table("<th>metric</th>" + "".join(f"<th>{name}</th>" for name in COLUMNS), rows)


def naive(arms: Sequence[ArmResult], trivial: Mapping[str, Table]) -> str:
    """The notes' definitions, for policies and for the trivial ones that they cannot tell apart."""
    metrics = [metric for metric in METRICS if metric.family == "naive"]
    heads = "".join(f"<th>{_title(metric)}</th>" for metric in metrics)
    tables = {arm.name: arm.table for arm in arms} | dict(trivial)
    names = {arm.name for arm in arms}
    rows = [
        f'<tr class="{"policy" if name in names else "trivial"}"><td>{escape(name)}</td>'
        + "".join(shown(metric.name, table[metric.name, "motion"]) for metric in metrics)
        + "</tr>"
        for name, table in tables.items()
    ]
    return html_table(f"<th>policy</th>{heads}", rows)


def by_task(arm: ArmResult) -> str:
    heads = "".join(f"<th>{_title(METRIC[metric])}</th>" for metric, _ in HEADLINE)
    rows = [
        f"<tr><td>{escape(task.replace('_', ' '))}</td><td>{table.episodes}</td>"
        + "".join(shown(metric, table[metric, column]) for metric, column in HEADLINE)
        + "</tr>"
        for task, table in arm.tasks.items()
    ]
    return html_table(f"<th>task</th><th>demos</th>{heads}", rows)


def definitions() -> str:
    rows = [
        f'<tr><td>{escape(metric.title)}</td><td class="words">{escape(metric.meaning)}</td>'
        f"<td>{metric.better.value}</td></tr>"
        for metric in METRICS
    ]
    return html_table("<th>metric</th><th>meaning</th><th>better</th>", rows)


def _has_value(metric: Metric, table: Table) -> bool:
    return any(math.isfinite(table.value(metric.name, column)) for column in metric.columns)


def _metric_row(metric: Metric, table: Table) -> str:
    cells = "".join(
        shown(metric.name, table[metric.name, column]) if column in metric.columns else "<td></td>"
        for column in COLUMNS
    )
    return f"<tr><td>{_title(metric)}</td>{cells}</tr>"
