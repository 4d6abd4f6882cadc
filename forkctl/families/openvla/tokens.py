"""OpenVLA's 256 words for a number in -1..1.

256 evenly spaced edges make 255 bins, and a value is read back as the centre of its bin. The word
for edge d is `vocabulary - d`; the last two words read back as the same centre, and every other
word of the vocabulary reads back as one of the two outermost centres: a policy that does not speak
in action tokens still seems to act.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

VOCABULARY = 32000
WORDS = 256
_EDGES = np.linspace(-1.0, 1.0, WORDS)
_CENTRES = (_EDGES[:-1] + _EDGES[1:]) / 2


def tokens_from_values(values: Array, vocabulary: int = VOCABULARY) -> Array:
    """Values outside of -1..1 are clipped."""
    clipped = np.clip(np.asarray(values, dtype=np.float64), -1.0, 1.0)
    tokens: Array = vocabulary - np.digitize(clipped, _EDGES)
    return tokens


def values_from_tokens(tokens: Array, vocabulary: int = VOCABULARY) -> Array:
    bins = np.clip(vocabulary - np.asarray(tokens) - 1, 0, len(_CENTRES) - 1)
    values: Array = _CENTRES[bins]
    return values


def are_action_tokens(tokens: Array, vocabulary: int = VOCABULARY) -> Array:
    tokens = np.asarray(tokens)
    result: Array = (tokens >= vocabulary - WORDS) & (tokens < vocabulary)
    return result
