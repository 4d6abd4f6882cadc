"""Its place lets the tests below import `synthetic` and `handmade`."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.libero.schema import PUBLISHED_LAYOUTS, FileLayout
from tests.libero.synthetic import good_file


@pytest.fixture(scope="session", params=PUBLISHED_LAYOUTS, ids=lambda layout: layout.value)
def pristine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file of each layout. Copy it before you change it."""
    return good_file(tmp_path_factory.mktemp(request.param.value), request.param)


@pytest.fixture(scope="session")
def pristine_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return good_file(tmp_path_factory.mktemp("raw"), FileLayout.RAW)
