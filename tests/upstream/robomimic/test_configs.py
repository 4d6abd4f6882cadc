"""Do the pinned upstreams themselves take our configs?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LAID_IN
from tests.driver import Workspace

FORKS = ("robomimic", "droid", "robomimic-release")


def test_each_patched_fork_takes_its_configs_and_the_pristine_one_does_not(
    real: Callable[..., Workspace],
    workspace: Workspace,
    robomimic_python: Path,
    session_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real(*FORKS)  # skips where they are out of reach
    monkeypatch.setenv("FORKCTL_CACHE", str(session_cache))
    workspace.lay_in(*LAID_IN)
    workspace.ok("sync", *FORKS)

    def judged(fork: str, *words: str) -> int:
        own = str(robomimic_python.parents[1])
        out = ("--validate", "--env", own, "--profile", "cpu", "-o", "made.json")
        return workspace.run("config", fork, "libero_10", *words, *out)

    finetune = ("--ckpt", "${DROID_CKPT}")
    for fork in FORKS:
        assert judged(fork) == 0, "a config from scratch needs no patch"
        assert judged(fork, *finetune) == 1
        assert "upstream has no key experiment.strict_weight_loading" in workspace.out
    workspace.ok("apply", *FORKS)
    for fork in FORKS:
        assert judged(fork) == 0, workspace.out
        assert judged(fork, *finetune) == 0, workspace.out
        assert judged(fork, "--set", "train.no_such_key=1") == 1
        assert "upstream has no key train.no_such_key" in workspace.out
