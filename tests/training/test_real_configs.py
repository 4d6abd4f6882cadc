"""Do the pinned upstreams themselves take our configs? Needs them, and two packages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from workbench import Bench

from forkctl.environments.environment import create_environment
from forkctl.environments.locks import read_lock
from forkctl.errors import ForkctlError

ROOT = Path(__file__).parents[2]
FORKS = ("robomimic", "droid", "robomimic-release")
pytestmark = pytest.mark.upstream


@pytest.fixture
def robomimics(bench: Bench, tmp_path: Path) -> Bench:
    """The real forks in a workspace of their own, and an environment that can read configs."""
    for name in ("patches", "overlays", "configs"):
        shutil.copytree(ROOT / name, bench.root / name)
    shutil.copy(ROOT / "forks.toml", bench.root)
    if bench.run("sync", *FORKS) != 0:
        pytest.skip(f"upstream out of reach: {bench.err.strip()[-300:]}")
    (tmp_path / "cpu.txt").write_text("six==1.17.0\n")  # all that robomimic.config imports
    try:
        made = create_environment(read_lock(tmp_path, "cpu", "3.11"), print)
    except ForkctlError as error:
        pytest.skip(f"upstream out of reach: {error.message[-300:]}")
    bench.environment = str(made.prefix)  # type: ignore[attr-defined]
    return bench


def test_each_patched_fork_takes_its_configs_and_the_pristine_one_does_not(
    robomimics: Bench,
) -> None:
    def judged(fork: str, *words: str) -> int:
        own: str = robomimics.environment  # type: ignore[attr-defined]
        out = ("--validate", "--env", own, "--profile", "cpu", "-o", "made.json")
        return robomimics.run("config", fork, "libero_10", *words, *out)

    finetune = ("--ckpt", "${DROID_CKPT}")
    for fork in FORKS:
        assert judged(fork) == 0, "a config from scratch needs no patch"
        assert judged(fork, *finetune) == 1
        assert "upstream has no key experiment.strict_weight_loading" in robomimics.out
    robomimics.ok("apply", *FORKS)
    for fork in FORKS:
        assert judged(fork) == 0, robomimics.out
        assert judged(fork, *finetune) == 0, robomimics.out
        assert judged(fork, "--set", "train.no_such_key=1") == 1
        assert "upstream has no key train.no_such_key" in robomimics.out
