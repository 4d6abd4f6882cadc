"""LIBERO's own simulator, or a loud skip. FORKCTL_LIBERO_ASSETS must name LIBERO's assets: they are
in no package.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.environments.simulator import find_simulator
from forkctl.forks.workspace import Workspace as Found
from tests.conftest import skip_loudly
from tests.driver import Fork, Workspace

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def simulator(
    real: Callable[..., Workspace],
    python_of: Callable[[str], Path],
    session_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Fork:
    """Its environment is bound to no tree."""
    if not os.environ.get("FORKCTL_LIBERO_ASSETS"):
        skip_loudly("LIBERO's assets (set FORKCTL_LIBERO_ASSETS)")
    python = python_of("libero-sim")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORKCTL_CACHE", str(session_cache))
        found = find_simulator(Found(real().root), str(python.parent.parent))
    folder = tmp_path_factory.mktemp("simulator")
    workspace = Workspace(
        folder, variables={**found.variables, "FORKCTL_CACHE": str(session_cache)}
    )
    workspace.lay_in("forks.toml", "configs")
    return Fork(workspace, "libero-sim", python, HERE)
