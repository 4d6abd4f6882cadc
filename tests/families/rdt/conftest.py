from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.libero.schema import PUBLISHED_LAYOUTS


@pytest.fixture(scope="session", params=PUBLISHED_LAYOUTS, ids=lambda layout: layout.value)
def pristine(request: pytest.FixtureRequest, synthetic: Callable[..., Path]) -> Path:
    """A good file of each layout."""
    return next(synthetic(tasks=1, demos=4, layout=request.param).glob("*.hdf5"))


@pytest.fixture(scope="session")
def pristine_raw(synthetic: Callable[..., Path]) -> Path:
    return next(synthetic(tasks=1, demos=4).glob("*.hdf5"))
