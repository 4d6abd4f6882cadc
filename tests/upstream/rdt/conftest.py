"""RDT as it is laid out by forkctl, tiny encoders, and synthetic demos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.driver import Fork


@pytest.fixture(scope="session")
def rdt(real_fork: Callable[[str], Fork]) -> Fork:
    return real_fork("rdt")


@pytest.fixture(scope="session")
def tiny(rdt: Fork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5, a SigLIP and a model of RDT's that fit anywhere."""
    out = tmp_path_factory.mktemp("tiny")
    rdt.says("-m", "forkctl.families.rdt.tiny", str(out))
    return out


@pytest.fixture(scope="session")
def demos(synthetic: Callable[..., Path]) -> Path:
    """A folder of two small synthetic LIBERO files, raw."""
    return synthetic(tasks=2, demos=3, image_size=32)
