"""Success rates with Wilson's interval, which holds for few trials and near 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome
from forkctl.evaluation.rollouts.playing import ERROR, POLICY_ERROR, SUCCESS

Z = 1.959964  # 95 %


@dataclass(frozen=True)
class Rate:
    """The simulator's errors do not count as trials, for the policy was not judged in them; the
    policy's own do."""

    successes: int
    trials: int
    errors: int
    mean_steps: float | None  # of the successes
    policy_errors: int = 0  # of the trials: it gave no action

    @property
    def value_without_policy_errors(self) -> float | None:
        """What a rate would be that passes over them, as some report it."""
        acted = self.trials - self.policy_errors
        return self.successes / acted if acted else None

    @property
    def value(self) -> float | None:
        return self.successes / self.trials if self.trials else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.successes, self.trials)

    def to_json(self) -> dict[str, object]:
        low, high = self.interval
        return {
            "successes": self.successes,
            "trials": self.trials,
            "errors": self.errors,
            "policy_errors": self.policy_errors,
            "rate_without_policy_errors": self.value_without_policy_errors,
            "rate": self.value,
            "low": low,
            "high": high,
            "mean_steps": self.mean_steps,
        }


def wilson(successes: int, trials: int) -> tuple[float, float]:
    if not trials:
        return 0.0, 1.0
    share = successes / trials
    weight = Z * Z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = Z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    # exact at both ends, where rounding would leave 1e-17
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == trials else middle + half
    return low, high


def rate(results: Iterable[EpisodeOutcome]) -> Rate:
    judged, errors = [], 0
    for result in results:
        if result.outcome == ERROR:
            errors += 1
        else:
            judged.append(result)
    won = [result.steps for result in judged if result.outcome == SUCCESS]
    gave_up = sum(result.outcome == POLICY_ERROR for result in judged)
    return Rate(len(won), len(judged), errors, mean(won) if won else None, gave_up)


def by_task(results: Sequence[EpisodeOutcome], tasks: Sequence[str]) -> Mapping[str, Rate]:
    return {task: rate(each for each in results if each.task == task) for task in tasks}
