"""What verdicts may know of the policies besides their predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forkctl.evaluation.diagnosis.learning import Learning


@dataclass(frozen=True)
class Background:
    """Found when the policies are asked; their runs may be gone when numbers are read again."""

    advice: Mapping[str, str] = field(default_factory=dict)  # of their family, by verdict
    learning: Mapping[str, Learning] = field(default_factory=dict)  # by arm

    def to_json(self) -> dict[str, Any]:
        return {
            "advice": dict(self.advice),
            "learning": {arm: each.to_json() for arm, each in self.learning.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Background:
        learning = {arm: Learning(**each) for arm, each in values["learning"].items()}
        return cls(values["advice"], learning)


NOTHING = Background()
