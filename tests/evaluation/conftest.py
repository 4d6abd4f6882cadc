"""Small synthetic LIBERO data, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.cli import main


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks of ten demos in the raw layout, 64 pixels."""
    folder = tmp_path_factory.mktemp("libero") / "data"
    words = "data synth libero_spatial --tasks 2 --demos 10 --image-size 64 --jobs 2"
    assert main([*words.split(), "--out", str(folder)]) == 0
    return folder
