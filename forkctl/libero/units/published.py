"""Published action statistics of the suites, to compare with and to use where there is no data yet.

They are of the regenerated sets without no-ops, with the gripper as 1 = open. The JSON file beside
this module says where each set of numbers comes from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Mapping, Optional

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FIELDS = ("mean", "std", "q01", "q99", "min", "max")


@dataclass(frozen=True)
class PublishedStatistics:
    """`fields` holds those of FIELDS that were published, NaN for a dimension that was not.

    The upstream script averages in float32, so the last two digits are its rounding errors.
    """

    suite: str
    convention: str
    source: str
    demos: Optional[int]
    steps: Optional[int]
    fields: Mapping[str, Array]

    @property
    def complete(self) -> bool:
        """Enough to normalise actions by: mean, std, q01 and q99 of every dimension."""
        needed = [self.fields.get(name) for name in ("mean", "std", "q01", "q99")]
        return all(values is not None and bool(np.isfinite(values).all()) for values in needed)


@lru_cache(maxsize=1)
def published() -> Mapping[str, PublishedStatistics]:
    """By suite."""
    convention, suites = _table()["convention"], _table()["suites"]
    return MappingProxyType({name: _parse(name, convention, each) for name, each in suites.items()})


def published_convention() -> str:
    """The name of the convention that all of them are in."""
    return str(_table()["convention"])


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    text = Path(__file__).with_name("published.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def _parse(suite: str, convention: str, entry: dict[str, Any]) -> PublishedStatistics:
    fields = {
        name: np.array([np.nan if value is None else value for value in entry[name]], dtype=float)
        for name in FIELDS
        if name in entry
    }
    return PublishedStatistics(
        suite, convention, entry["source"], entry["demos"], entry["steps"], MappingProxyType(fields)
    )
