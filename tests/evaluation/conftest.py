from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def demos(synthetic: Callable[..., Path]) -> Path:
    """Two tasks of ten demos in the raw layout, 64 pixels."""
    return synthetic(tasks=2, demos=10, image_size=64)
