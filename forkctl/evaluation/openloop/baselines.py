"""Policies that know nothing, or everything. A metric that one of them wins says nothing.

They have the same interface as a real policy, and go through the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from forkctl.errors import UsageError
from forkctl.evaluation.dimensions import GRIPPER, WIDTH, Floats
from forkctl.evaluation.openloop.episodes import Episode
from forkctl.evaluation.openloop.pairs import AT_REST
from forkctl.evaluation.openloop.scale import Scale
from forkctl.evaluation.policies.choice import BASELINE
from forkctl.evaluation.policies.policy import Conventions, Policy, Prediction, Query

# (truth of the demo, step, scale, random numbers) -> the action
Rule = Callable[[Floats, int, Scale, np.random.Generator], Floats]


def _zero(truth: Floats, step: int, scale: Scale, random: np.random.Generator) -> Floats:
    return AT_REST


def _mean(truth: Floats, step: int, scale: Scale, random: np.random.Generator) -> Floats:
    return scale.mean


def _random(truth: Floats, step: int, scale: Scale, random: np.random.Generator) -> Floats:
    action = random.uniform(scale.q01, scale.q99)
    action[GRIPPER] = random.choice([-1.0, 1.0])
    return action


def _previous(truth: Floats, step: int, scale: Scale, random: np.random.Generator) -> Floats:
    return np.array(truth[step - 1]) if step else AT_REST


def _replay(truth: Floats, step: int, scale: Scale, random: np.random.Generator) -> Floats:
    return np.array(truth[step])


RULES: Mapping[str, tuple[Rule, str]] = {
    "zero": (_zero, "never moves, gripper open"),
    "mean": (_mean, "always the mean action"),
    "random": (_random, "uniform within q01..q99"),
    "previous": (_previous, "repeats the demonstrator's last action"),
    "replay": (_replay, "knows the truth"),
}


def baseline_actions(name: str, truth: Floats, scale: Scale, seed: int = 0) -> Floats:
    """What a baseline answers over a whole demo."""
    random = np.random.default_rng(seed)
    rule, _ = RULES[name]
    return np.stack([rule(truth, step, scale, random) for step in range(len(truth))])


@dataclass(frozen=True)
class Baseline:
    """Both the source and the policy: there is nothing to load."""

    name: str
    episodes: Sequence[Episode]
    scale: Scale
    conventions: Conventions = field(default=Conventions(batch=256))

    @property
    def identity(self) -> Mapping[str, object]:
        return {"baseline": self.name, "scale": self.scale.to_json()}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        yield _Answers(self.name, self.scale, {e.name: e.truth() for e in self.episodes})


@dataclass(frozen=True)
class _Answers:
    name: str
    scale: Scale
    truths: Mapping[str, Floats]
    conventions: Conventions = field(default=Conventions(batch=256))

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        random = np.random.default_rng(seed)
        rule, _ = RULES[self.name]
        answers = [rule(self.truths[q.episode], q.step, self.scale, random) for q in queries]
        return [Prediction(answer.reshape(1, WIDTH)) for answer in answers]


def baseline(name: str, episodes: Sequence[Episode], scale: Scale) -> Baseline:
    if name not in RULES:
        raise UsageError(
            f"no baseline {name!r}",
            hint="one of: " + ", ".join(BASELINE + known for known in RULES),
        )
    return Baseline(name, episodes, scale)
