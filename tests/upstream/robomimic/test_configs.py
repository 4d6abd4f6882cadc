"""Do the pinned upstreams themselves take our configs?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LAID_IN
from tests.driver import Fork, Workspace

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
        wrong = ("train.seed=true", "experiment.render=1", "algo=5", "train.dataset_keys=actions")
        assert judged(fork, *(word for each in wrong for word in ("--set", each))) == 1
        for told in ("train.seed must be a whole", "render must be true", "algo must be a section"):
            assert told in workspace.out
        assert "train.dataset_keys must be a list" in workspace.out


@pytest.mark.slow
def test_a_run_is_refused_for_what_it_would_fail_on_later(
    patched: Callable[[str], Fork], demos: list[Path]
) -> None:
    fork = patched("robomimic")
    data = ("--data", str(demos[0].parent))
    fork.workspace.said("config", "robomimic", "libero_spatial", *data, "-o", "early.json")
    words = ("run", "robomimic", "early.json", "--dry-run", "--env", fork.prefix)

    wrong = ("experiment.logging.log_wandb=true", "train.num_epochs=0")
    done = fork.workspace.typed(*words, *(word for each in wrong for word in ("--set", each)))
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "the environment has no wandb" in said
    assert "uv pip install --python" in said and "log_wandb=false" in said
    assert "train.num_epochs is 0" in said

    done = fork.workspace.typed(*words, "--set", "observation.image_dim=256")
    assert done.returncode == 2
    assert "observation.image_dim must be [height, width], or []" in done.stderr
