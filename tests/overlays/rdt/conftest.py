from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def demos(synthetic: Callable[..., Path]) -> Path:
    return synthetic(tasks=2, demos=3)
