"""One call of `forkctl eval openloop`: predict what is missing, then score."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.evaluation.journal import default_folder
from forkctl.evaluation.openloop.asking import Arm, OnStep, predict_arms, probe_arm_name
from forkctl.evaluation.openloop.background import NOTHING, Background
from forkctl.evaluation.openloop.episodes import PROBES, Episode
from forkctl.evaluation.openloop.predictions import (
    PredictionRecord,
    open_predictions,
    read_predictions,
)
from forkctl.evaluation.openloop.request import OpenLoopRequest
from forkctl.evaluation.openloop.scale import Scale, published_scales
from forkctl.evaluation.openloop.scoring import OpenLoopResult, score, to_json
from forkctl.evaluation.policies.choice import PolicyLauncher
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.reading import read_json

RECORD = "predictions.jsonl"
RESULTS = "results.json"


class OpenLoop:
    """An evaluation whose demos, yardstick and policies are known; no policy is loaded yet."""

    def __init__(self, request: OpenLoopRequest, launch: PolicyLauncher) -> None:
        self._request = request
        self._episodes = request.held_out()
        self._scale = request.scale()
        self._sources = request.policies(self._episodes, self._scale, launch)
        self._setup = request.setup(self._episodes, self._sources)

    @property
    def default_folder(self) -> Path:
        return default_folder(self._request.choice.label, self._setup)

    def run(
        self, folder: Path, progress: OnStep, background: Background = NOTHING
    ) -> OpenLoopResult:
        """Ask what the record in `folder` lacks, and score all of it."""
        request = self._request
        arms = [arm for name, source in self._sources.items() for arm in self._arms(name, source)]
        with open_predictions(folder / RECORD, self._setup) as record:
            predict_arms(arms, record, horizon=request.horizon, seed=request.seed, on_step=progress)
        return _scored(record, self._scale, folder, background)

    def _arms(self, name: str, source: PolicySource) -> Sequence[Arm]:
        count = self._request.probes
        probed = _spread(self._episodes, count) if count else ()
        probes = [Arm(probe_arm_name(name, each), source, probed, each) for each in PROBES]
        return [Arm(name, source, self._episodes), *probes]


def score_again(folder: Path) -> OpenLoopResult:
    """The numbers of a record, by the scale that they had. Loads no policy."""
    record = read_predictions(folder / RECORD)
    try:
        kept = read_json(folder / RESULTS)
        scale = Scale.from_json(kept["scale"])
        background = Background.from_json(kept["background"]) if "background" in kept else NOTHING
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ForkctlError(
            "cannot read the numbers beside the record, which hold its scale",
            where=str(folder / RESULTS),
            hint="run `forkctl eval openloop` again: recorded predictions are kept",
        ) from error
    return _scored(record, scale, folder, background)


def _scored(
    record: PredictionRecord, scale: Scale, folder: Path, background: Background
) -> OpenLoopResult:
    policies = record.setup.get("policies")
    names = list(policies) if isinstance(policies, Mapping) else []
    arms = [name for name in names if name in record.arms]
    if not arms:
        raise ForkctlError(
            "the record holds no predictions of a policy",
            where=str(folder),
            hint="run `forkctl eval openloop` again: it goes on where it was",
        )
    result = score(record, scale, arms, published_scales(), background)
    write_atomically(folder / RESULTS, json.dumps(to_json(result), indent=1) + "\n")
    return result


def _spread(episodes: Sequence[Episode], count: int) -> Sequence[Episode]:
    """Of as many tasks as possible."""
    chosen = np.linspace(0, len(episodes) - 1, min(count, len(episodes))).astype(int)
    return [episodes[number] for number in dict.fromkeys(chosen.tolist())]
