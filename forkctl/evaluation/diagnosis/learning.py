"""How the loss went while a policy was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

FEWEST = 8  # the fewest losses that show a course
LEAST_FALL = 0.05  # of the loss, from the second quarter of the steps to the last


@dataclass(frozen=True)
class Learning:
    run: str
    steps: int
    first: float  # mean loss of the first tenth
    last: float  # and of the last
    falling: bool  # at the end

    @classmethod
    def of(cls, run: str, points: Sequence[tuple[float, float]]) -> Learning | None:
        """From (step, loss); None for too few of them."""
        if len(points) < FEWEST:
            return None
        losses = np.array([loss for _, loss in points])
        tenth = max(len(losses) // 10, 1)
        first, last = float(losses[:tenth].mean()), float(losses[-tenth:].mean())
        return cls(run, int(points[-1][0]), first, last, is_falling(losses))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        course = "was still falling" if self.falling else "was level"
        return (
            f"{self.steps:,} steps: the loss went from {self.first:.3g} to {self.last:.3g}, "
            f"and {course} at the end ({self.run})"
        )


def is_falling(losses: np.ndarray) -> bool:
    """Is the last quarter lower than the second one, by more than the noise of both?"""
    quarter = len(losses) // 4
    before, after = losses[quarter : 2 * quarter], losses[-quarter:]
    fall = before.mean() - after.mean()
    noise = np.sqrt((before.var() + after.var()) / quarter)
    return bool(fall > 2 * noise and fall > LEAST_FALL * abs(before.mean()))
