"""The small script, laid out as the fork `mine`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.driver import Upstream, Workspace
from tests.families.small_script import FILES, describe


@pytest.fixture
def mine(workspace: Workspace, upstream: Upstream) -> Workspace:
    workspace.pin = upstream.commit(FILES)
    describe(workspace, upstream)
    workspace.write(
        {
            "envs/cpu.txt": "# our own Python runs the tests\n",
            "config.yaml": "# the rate that worked\nlr: 0.1\nnet: {widths: [1, 2]}\n",
        }
    )
    workspace.ok("sync")
    workspace.ok("apply")
    return workspace


@pytest.fixture(scope="session")
def libero(suite: Path) -> Path:
    """Two small files of libero_spatial, in a folder of the suite's name."""
    return suite
