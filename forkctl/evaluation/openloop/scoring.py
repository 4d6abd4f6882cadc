"""From a record of predictions to numbers and verdicts. Needs no policy."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.evaluation.diagnosis import diagnose
from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence
from forkctl.evaluation.dimensions import MOTION, Floats
from forkctl.evaluation.openloop.asking import probe_arm_name
from forkctl.evaluation.openloop.background import NOTHING, Background
from forkctl.evaluation.openloop.baselines import RULES, baseline_actions
from forkctl.evaluation.openloop.episodes import PROBES, ObservationChange
from forkctl.evaluation.openloop.metrics.table import (
    METRIC,
    Estimate,
    Table,
    compare,
    measure,
    measure_tasks,
)
from forkctl.evaluation.openloop.pairs import EpisodePairs, Pairs, pair_up
from forkctl.evaluation.openloop.predictions import EpisodePredictions, PredictionRecord
from forkctl.evaluation.openloop.request import BASE, TUNED
from forkctl.evaluation.openloop.scale import Scale
from forkctl.libero.schema import CAMERAS

SCHEMA = 1  # of the JSON


@dataclass(frozen=True)
class ArmResult:
    """One policy's numbers and verdicts."""

    name: str
    entries: Sequence[EpisodePredictions]
    pairs: Pairs  # finite rows
    not_finite: float  # share of rows with a NaN or infinity
    table: Table
    tasks: Mapping[str, Table]
    by_offset: Floats  # normalised L1 of the motion for each action of a chunk
    verdicts: tuple[Diagnosis, ...]


@dataclass(frozen=True)
class OpenLoopResult:
    """The arms in order, the trivial policies on the same steps, and the difference."""

    setup: Mapping[str, object]
    scale: Scale
    arms: tuple[ArmResult, ...]
    trivial: Mapping[str, Table]
    difference: Table | None  # first arm minus second, when there are two
    background: Background = NOTHING

    @property
    def main(self) -> ArmResult:
        return self.arms[0]

    @property
    def devices(self) -> tuple[str, ...]:
        """That the policies were loaded on; none for those that need none."""
        entries = [entry for arm in self.arms for entry in arm.entries]
        return tuple(sorted({str(each.conventions.get("device", "")) for each in entries} - {""}))


def score(
    record: PredictionRecord,
    scale: Scale,
    arms: Sequence[str],
    other_scales: Mapping[str, Scale] | None = None,
    background: Background = NOTHING,
    resamples: int = 1000,
) -> OpenLoopResult:
    """Measure and diagnose the arms that a record holds."""
    results = tuple(
        _arm(record, scale, name, other_scales or {}, background, resamples) for name in arms
    )
    first = results[0]
    trivial = {
        name: measure(
            pair_up([_as_baseline(name, entry, scale) for entry in first.entries]).finite(),
            scale,
            resamples=resamples,
        )
        for name in RULES
        if name != "replay"
    }
    return OpenLoopResult(
        record.setup, scale, results, trivial, _difference(results, scale, resamples), background
    )


def _difference(results: Sequence[ArmResult], scale: Scale, resamples: int) -> Table | None:
    if len(results) < 2 or results[0].pairs.episodes != results[1].pairs.episodes:
        return None
    return compare(results[0].pairs, results[1].pairs, scale, resamples=resamples)


def _as_baseline(name: str, entry: EpisodePredictions, scale: Scale) -> EpisodePairs:
    pairs = entry.pairs()
    seed = zlib.crc32(entry.episode.encode())
    prediction = baseline_actions(name, entry.truth, scale, seed)
    return replace(pairs, prediction=prediction, tokens=None, invalid=None)


def _arm(
    record: PredictionRecord,
    scale: Scale,
    name: str,
    other_scales: Mapping[str, Scale],
    background: Background,
    resamples: int,
) -> ArmResult:
    entries = record.arm(name)
    if not entries:
        raise ForkctlError(f"no predictions of {name!r} are recorded", hint="evaluate it first")
    everything = pair_up([entry.pairs() for entry in entries])
    pairs = everything.finite()
    not_finite = 1 - pairs.rows / max(everything.rows, 1)
    table = measure(pairs, scale, resamples=resamples)
    probed, probes = _probes(record, name)
    evidence = Evidence(
        pairs,
        table,
        scale,
        probed,
        probes,
        other_scales,
        not_finite,
        sees_images=bool(set(CAMERAS) & set(_observations(entries[0]))),
        initial=_initial(record, name),
        learning=background.learning.get(name),
    )
    return ArmResult(
        name,
        entries,
        pairs,
        not_finite,
        table,
        measure_tasks(pairs, scale, resamples=resamples),
        _by_offset(entries, scale),
        diagnose(evidence, background.advice),
    )


def _initial(record: PredictionRecord, name: str) -> Pairs | None:
    """What the base of a fine-tuned policy says of the same demos."""
    if name != TUNED:
        return None
    mine, theirs = record.arm(name), record.arm(BASE)
    if [entry.episode for entry in mine] != [entry.episode for entry in theirs]:
        return None
    pairs = [pair_up([entry.pairs() for entry in entries]) for entries in (mine, theirs)]
    return pairs[1] if all(np.isfinite(each.prediction).all() for each in pairs) else None


def _observations(entry: EpisodePredictions) -> Sequence[str]:
    names = entry.conventions.get("observations", [])
    return names if isinstance(names, list) else []


def _probes(
    record: PredictionRecord, name: str
) -> tuple[Pairs | None, dict[ObservationChange, Pairs]]:
    """The plain predictions and the probes', over the demos that all of them have."""
    arms = {change: record.arm(probe_arm_name(name, change)) for change in PROBES}
    arms = {change: entries for change, entries in arms.items() if entries}
    if not arms:
        return None, {}
    shared = set.intersection(*({e.episode for e in entries} for entries in arms.values()))
    plain = [entry for entry in record.arm(name) if entry.episode in shared]
    order = [entry.episode for entry in plain]
    probes = {
        change: pair_up([e.pairs() for e in record.arm(probe_arm_name(name, change), order)])
        for change in arms
    }
    probed = pair_up([entry.pairs() for entry in plain])
    if not all(np.isfinite(p.prediction).all() for p in (probed, *probes.values())):
        return None, {}
    return probed, probes


def _by_offset(entries: Sequence[EpisodePredictions], scale: Scale) -> Floats:
    """Error of the k-th action of a chunk, against the true action k steps on."""
    length = min(entry.chunks.shape[1] for entry in entries)
    half_span = scale.span[: len(MOTION)] / 2
    errors = np.full(length, np.nan)
    for offset in range(length):
        rows = [
            np.abs(e.chunks[: len(e.truth) - offset, offset, : len(MOTION)] - e.truth[offset:, :6])
            for e in entries
            if len(e.truth) > offset
        ]
        if rows:
            errors[offset] = float(np.nanmean(np.concatenate(rows) / half_span))
    return errors


def to_json(result: OpenLoopResult) -> dict[str, object]:
    """Plain JSON; a number without a value is null."""
    return {
        "schema": SCHEMA,
        "setup": dict(result.setup),
        "scale": result.scale.to_json(),
        "arms": {
            arm.name: {
                "episodes": arm.table.episodes,
                "steps": arm.table.steps,
                "not_finite": arm.not_finite,
                "metrics": _table_json(arm.table),
                "tasks": {task: _table_json(table) for task, table in arm.tasks.items()},
                "l1_norm_by_offset": [_number(value) for value in arm.by_offset],
                "verdicts": [_verdict_json(verdict) for verdict in arm.verdicts],
            }
            for arm in result.arms
        },
        "trivial": {name: _table_json(table) for name, table in result.trivial.items()},
        "background": result.background.to_json(),
        "difference": None if result.difference is None else _table_json(result.difference),
        "definitions": {metric.name: metric.meaning for metric in METRIC.values()},
    }


def _table_json(table: Table) -> dict[str, dict[str, object]]:
    """metric -> column -> [value, low, high]"""
    found: dict[str, dict[str, object]] = {}
    for (metric, column), cell in table.cells.items():
        found.setdefault(metric, {})[column] = [_number(part) for part in _parts(cell)]
    return found


def _parts(cell: Estimate) -> tuple[float, float, float]:
    return (cell.value, cell.low, cell.high)


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def _verdict_json(verdict: Diagnosis) -> dict[str, object]:
    return {**asdict(verdict), "kind": verdict.kind.value}
