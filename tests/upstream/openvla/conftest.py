"""OpenVLA as forkctl lays it out, a tiny checkpoint, synthetic demos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.driver import Fork


@pytest.fixture(scope="session")
def openvla(real_fork: Callable[[str], Fork]) -> Fork:
    return real_fork("openvla")


@pytest.fixture(scope="session")
def tiny(openvla: Fork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random OpenVLA of a few million weights."""
    out = tmp_path_factory.mktemp("tiny") / "tiny-openvla"
    openvla.says("-m", "forkctl.families.openvla.tiny", str(out))
    return out


@pytest.fixture(scope="session")
def libero(synthetic: Callable[..., Path]) -> Path:
    """Two tasks of three demos each, in LIBERO's own (raw) layout."""
    return synthetic(tasks=2, demos=3, image_size=64)
