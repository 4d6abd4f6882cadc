"""Demos that are there twice: bit by bit, or with a little noise, or cut a little differently."""

from __future__ import annotations

import hashlib
from typing import Any, Iterator, List, Tuple

import numpy as np
import numpy.typing as npt

from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence
from forkctl.libero.validation.findings import Finding

_SHORT = 10
# Metres. Two people's hands, or one person's twice, are centimetres apart before an episode ends.
_SAME_PATH = 2e-3
_SHIFTS = (0, 1, -1, 2, -2, 3, -3, 5, -5)


def check(file: FileEvidence) -> Iterator[Finding]:
    first: dict[str, str] = {}
    exact = dict(digests(file))
    paths: List[Tuple[str, npt.NDArray[Any]]] = []
    for demo in file.demos:
        digest, path = exact.get(demo.name), _path(demo)
        if digest in first:
            yield Finding("duplicate-demo", f"the same actions as {first[digest]}", demo.name)
            continue
        if digest is not None:
            first[digest] = demo.name
        if path is None:
            continue
        for name, other in paths:
            if _same(path, other):
                yield Finding("duplicate-demo", f"nearly the same motion as {name}", demo.name)
                break
        else:
            paths.append((demo.name, path))


def digests(file: FileEvidence) -> List[Tuple[str, str]]:
    """A digest of each demo's motion: equal for copies, whatever their frames."""
    return [
        (demo.name, hashlib.sha256(np.round(demo.actions, 9).tobytes()).hexdigest()[:16])
        for demo in file.demos
        if demo.actions is not None and len(demo.actions) >= _SHORT
    ]


def _path(demo: DemoEvidence) -> Any:
    """Where the hand is, of demos in which it goes somewhere."""
    position = demo.obs("ee_pos")
    if position is None or len(position) < 2 * _SHORT or not np.isfinite(position).all():
        return None
    return position if np.ptp(position, axis=0).max() > 10 * _SAME_PATH else None


def _same(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Over all but a tenth of the longer one."""
    for shift in _SHIFTS:
        left, right = one[max(shift, 0) :], other[max(-shift, 0) :]
        count = min(len(left), len(right))
        if count < 0.9 * max(len(one), len(other)):
            continue
        # a few places first: most pairs part there
        if np.abs(left[:count:_SHORT] - right[:count:_SHORT]).max() > _SAME_PATH:
            continue
        if np.abs(left[:count] - right[:count]).max() <= _SAME_PATH:
            return True
    return False
