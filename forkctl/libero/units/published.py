"""Published action statistics of the suites: to compare with, and to use before data is there.

They are in OpenVLA's convention (gripper 1 = open), of the regenerated sets without no-ops. The
file beside this module says where each set of numbers comes from.
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

CONVENTION = "openvla"
FIELDS = ("mean", "std", "q01", "q99", "min", "max")


@dataclass(frozen=True)
class Published:
    """`fields` holds those of FIELDS that were published, nan for a dimension that was not.

    The upstream script averages in float32, so the last two digits are its rounding, not ours.
    """

    suite: str
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
def published() -> Mapping[str, Published]:
    """By suite."""
    path = Path(__file__).with_name("published.json")
    table = json.loads(path.read_text(encoding="utf-8"))["suites"]
    return MappingProxyType({suite: _parse(suite, entry) for suite, entry in table.items()})


def _parse(suite: str, entry: dict[str, Any]) -> Published:
    fields = {
        name: np.array([np.nan if value is None else value for value in entry[name]], dtype=float)
        for name in FIELDS
        if name in entry
    }
    return Published(
        suite, entry["source"], entry["demos"], entry["steps"], MappingProxyType(fields)
    )
