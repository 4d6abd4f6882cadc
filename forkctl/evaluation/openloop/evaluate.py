"""One call of `forkctl eval openloop`: from words to a record, numbers, verdicts and files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.evaluation.openloop.asking import Arm, Progress, predict_arms, probe_arm_name
from forkctl.evaluation.openloop.background import NOTHING, Background
from forkctl.evaluation.openloop.episodes import PROBES, Episode, Selection, find_files
from forkctl.evaluation.openloop.predictions import PredictionRecord, open_record, read_record
from forkctl.evaluation.openloop.results import OpenLoopResult, evaluate, to_json
from forkctl.evaluation.openloop.scale import Scale, published_scales, scale_of
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.libero.files.reader import open_demo_file

RECORD = "predictions.jsonl"
RESULTS = "results.json"


@dataclass(frozen=True)
class OpenLoopSettings:
    """What is asked of which policies; together with them it makes the record's setup."""

    label: str  # what to call the policy
    data: Path
    selection: Selection
    max_steps: int | None = None
    alignment: str = "auto"
    horizon: int = 8  # actions of a chunk that are kept
    seed: int = 0
    probes: int = 6  # demos that are shown otherwise as well; 0 for none


def measured_scale(data: Path, dead_zone_share: float) -> Scale:
    """The scale of all demos there, the held-out ones too, as upstreams compute theirs."""
    actions = [
        np.asarray(demo.actions(), dtype=np.float64)
        for path in find_files(data)
        for demo in open_demo_file(path)
    ]
    return scale_of(np.concatenate(actions), f"all demos of {data}", dead_zone_share)


def setup_of(
    plan: OpenLoopSettings, episodes: Sequence[Episode], sources: Mapping[str, PolicySource]
) -> dict[str, object]:
    """Everything that the predictions depend on, as JSON."""
    files = sorted({episode.file for episode in episodes})
    return {
        "label": plan.label,
        "data": str(plan.data.resolve()),
        "files": [[Path(file).name, Path(file).stat().st_size] for file in files],
        "episodes": str(plan.selection),
        "max_steps": plan.max_steps,
        "alignment": plan.alignment,
        "horizon": plan.horizon,
        "seed": plan.seed,
        "policies": {name: dict(source.identity) for name, source in sources.items()},
    }


def digest_of(setup: Mapping[str, object]) -> str:
    """A short name of a setup: the same words land in the same folder, and go on there."""
    text = json.dumps(setup, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def run(
    plan: OpenLoopSettings,
    episodes: Sequence[Episode],
    sources: Mapping[str, PolicySource],
    scale: Scale,
    out: Path,
    progress: Progress,
    background: Background = NOTHING,
) -> OpenLoopResult:
    """Predict what is missing, then measure."""
    shown_otherwise = _spread(episodes, plan.probes) if plan.probes else ()
    arms: list[Arm] = []
    for name, source in sources.items():
        arms.append(Arm(name, source, episodes))
        arms += [
            Arm(probe_arm_name(name, change), source, shown_otherwise, change) for change in PROBES
        ]
    with open_record(out / RECORD, setup_of(plan, episodes, sources)) as record:
        predict_arms(arms, record, horizon=plan.horizon, seed=plan.seed, progress=progress)
    return measured(record, scale, out, background)


def measured(
    record: PredictionRecord, scale: Scale, out: Path, background: Background
) -> OpenLoopResult:
    """Measure a record and keep the numbers beside it."""
    evaluation = evaluate(record, scale, _policies(record), published_scales(), background)
    text = json.dumps(to_json(evaluation), indent=1) + "\n"
    write_atomically(out / RESULTS, text)
    return evaluation


def measured_again(folder: Path, scale: Scale | None = None) -> OpenLoopResult:
    """The numbers of a record that lies there, with the scale that they had or with another."""
    record = read_record(folder / RECORD)
    background = NOTHING
    if scale is None:
        try:
            kept = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
            scale = Scale.from_json(kept["scale"])
            if "background" in kept:
                background = Background.from_json(kept["background"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ForkctlError(
                "the numbers beside the record cannot be read, so its scale is not known",
                where=str(folder / RESULTS),
                hint="Run `forkctl eval openloop` again: predictions that are there are kept.",
            ) from error
    return measured(record, scale, folder, background)


def _policies(record: PredictionRecord) -> list[str]:
    policies = record.setup.get("policies")
    names = list(policies) if isinstance(policies, dict) else []
    return [name for name in names if name in record.arms]


def _spread(episodes: Sequence[Episode], count: int) -> Sequence[Episode]:
    """As many tasks as possible."""
    chosen = np.linspace(0, len(episodes) - 1, min(count, len(episodes))).astype(int)
    return [episodes[number] for number in dict.fromkeys(chosen.tolist())]


def default_out(
    plan: OpenLoopSettings, episodes: Sequence[Episode], sources: Mapping[str, PolicySource]
) -> Path:
    """The same words land in the same folder."""
    return Path("runs") / "eval" / f"{plan.label}-{digest_of(setup_of(plan, episodes, sources))}"
