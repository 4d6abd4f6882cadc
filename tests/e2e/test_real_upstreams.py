"""The forks of this repository, from their real upstreams."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from workbench import Bench, git

from forkctl.forks.cache import cache_root
from forkctl.forks.manifest import GitSource, load

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.upstream


def lay_in(bench: Bench) -> None:
    shutil.copy(ROOT / "forks.toml", bench.root)
    for folder in ("patches", "overlays"):
        shutil.copytree(ROOT / folder, bench.root / folder)


@pytest.mark.parametrize("name", ["openvla", "rdt"])
def test_the_same_commits_in_other_directories_and_from_other_clones(
    name: str,
    make_bench: Callable[[str], Bench],
    upstream_clone: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upstream_clone(name)  # skips where it is out of reach
    source = load(ROOT / "forks.toml").fork(name).source
    assert isinstance(source, GitSource)
    here = make_bench("here")
    lay_in(here)
    here.ok("sync", name)
    here.ok("apply", name)
    here.ok("check", name)
    full = tmp_path / "full.git"
    git(tmp_path, "clone", "--quiet", "--mirror", "--no-local", source.url, str(full))
    shutil.rmtree(cache_root())
    monkeypatch.setenv("FORKCTL_MIRROR", f"{source.url}=file://{full}")
    there = make_bench("a far/away place")
    lay_in(there)
    there.ok("sync", name)
    there.ok("apply", name)
    assert there.head(name) == here.head(name)
    assert (there.root / "forks.lock").read_bytes() == (here.root / "forks.lock").read_bytes()
    assert git(there.tree(name), "status", "--porcelain") == ""


def test_sync_apply_check_of_the_default_forks(
    bench: Bench, upstream_clone: Callable[[str], Path]
) -> None:
    for name in ("robomimic", "droid", "openvla", "rdt"):
        upstream_clone(name)
    lay_in(bench)
    bench.ok("sync")
    bench.ok("apply")
    assert bench.ok("status").count(" applied ") == 4
    bench.ok("check", "robomimic", "droid", "openvla", "rdt", "--strict")
