"""Two or more runs next to each other: what differed, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forkctl.configs import read_config
from forkctl.errors import UsageError
from forkctl.training import metrics
from forkctl.training.records import Run

Row = tuple[str, tuple[str, ...]]
_ABSENT = "-"


def summary(run: Run) -> dict[str, Any]:
    """What came out, in a few numbers."""
    loss = metrics.series(metrics.read_metrics(run.metrics), "loss")
    tail = [value for _, value in loss[-max(1, len(loss) // 10) :]]
    return {
        "status": run.status,
        "steps": int(loss[-1][0]) if loss else None,
        "first_loss": loss[0][1] if loss else None,
        "last_loss": sum(tail) / len(tail) if tail else None,
        "seconds": run.record.seconds,
    }


def compare(runs: Sequence[Run]) -> list[Row]:
    """Rows of (what, one value for each run), only where they differ."""
    columns = [_facts(run) for run in runs]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = []
    for name in names:
        values = tuple(_text(column.get(name, _ABSENT)) for column in columns)
        if len(set(values)) > 1:
            rows.append((name, values))
    return rows


def _facts(run: Run) -> dict[str, Any]:
    record = run.record
    facts: dict[str, Any] = {
        "fork": record.fork,
        "pin": record.fork_state["pin"][:12],
        "tree": record.fork_state["tree"][:12],
        "series": record.fork_state["series"][:12],
        "dirty": record.fork_state["dirty"],
        "environment": record.environment["binding"],
        "data": record.data["fingerprint"][:12],
        "checkpoint": _identity(record.checkpoint) if record.checkpoint else None,
        "host": record.host,
    }
    try:
        config = flattened(read_config(run.config))
    except UsageError:
        config = {}
    facts.update({key: value for key, value in config.items() if not _is_own(run, value)})
    return {**facts, **summary(run)}


def _identity(checkpoint: Mapping[str, str]) -> str:
    """Its hash; older records have a fingerprint of a folder."""
    return (checkpoint.get("sha256") or checkpoint["fingerprint"])[:12]


def _is_own(run: Run, value: Any) -> bool:
    """Its name, or a place in its folder: that differs in every run and says nothing."""
    return value == run.record.name or str(run.folder) in str(value)


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(flattened(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def transfer_report(run: Run) -> Path | None:
    """The report of a checkpoint transfer, where upstream's overlay wrote one."""
    return next(iter(sorted(run.folder.glob("upstream/**/transfer.json"))), None)


def shown(run: Run) -> list[tuple[str, str]]:
    """The record as the user wants to read it."""
    record, state = run.record, run.record.fork_state
    outcome = summary(run)
    names = sorted({name for metric in metrics.read_metrics(run.metrics) for name in metric})
    report = transfer_report(run)
    files = record.data["files"]
    rows = [
        ("status", run.status + (f": {record.reason}" if record.reason else "")),
        (
            "started",
            record.started + (f", resumed {record.resumed} times" if record.resumed else ""),
        ),
        ("took", f"{record.seconds} s on {record.host}" if record.seconds else record.host),
        ("steps", f"{outcome['steps'] or 0} of {record.steps or '?'}"),
        ("loss", f"{_text(outcome['first_loss'])} -> {_text(outcome['last_loss'])}"),
        ("metrics", ", ".join(names)),
        ("fork", f"{record.fork} at pin {state['pin'][:12]}, series {state['series'][:12]}"),
        ("tree", state["tree"] + (" with changes (changes.diff)" if state["dirty"] else "")),
        ("environment", f"{record.environment['prefix']} ({record.environment['binding']})"),
        ("data", f"{len(files)} files, {record.data['fingerprint'][:12]}" if files else ""),
        ("checkpoint", f"{record.checkpoint['path']}" if record.checkpoint else ""),
        ("transfer", record.checks.get("transfer", "") + (f" ({report})" if report else "")),
        (
            "config",
            record.config + (f" with {' '.join(record.settings)}" if record.settings else ""),
        ),
        ("command", " ".join(record.command)),
        ("saved", ", ".join(sorted(path.name for path in run.checkpoints.glob("*")))),
        ("folder", str(run.folder)),
    ]
    return [(name, text) for name, text in rows if text]
