"""The histories of upstreams, in the session's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.forks.cache import Fetcher
from forkctl.forks.processes import Children
from tests.driver import Workspace


@pytest.fixture
def fetcher(
    real: Callable[..., Workspace], session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Fetcher:
    monkeypatch.setenv("FORKCTL_CACHE", str(session_cache))
    return Fetcher(Children())
