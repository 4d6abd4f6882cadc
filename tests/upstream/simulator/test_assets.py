from __future__ import annotations

from collections.abc import Callable

from tests.conftest import skip_loudly
from tests.driver import Workspace


def test_the_assets_of_a_suite_are_fetched_and_found_again(real: Callable[..., Workspace]) -> None:
    workspace = real()
    done = workspace.typed("env", "assets", "libero_goal")
    if done.returncode and "not our ref" in done.stderr:
        skip_loudly("LIBERO's assets: the mirror that git is sent to lacks its largest files")
    assert done.returncode == 0, done.stderr
    assert workspace.typed("env", "assets", "libero_goal", "--offline").returncode == 0
