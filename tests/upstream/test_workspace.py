"""The forks of this repository, from their real upstreams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.forks.lockfile import read_lock
from forkctl.forks.manifest import GitSource, load
from tests import ROOT
from tests.conftest import LAID_IN
from tests.driver import Workspace, git

FORKS = ("robomimic", "droid", "openvla", "rdt")


@pytest.mark.parametrize("name", ["openvla", "rdt"])
def test_the_same_commits_in_other_directories_and_from_other_clones(
    name: str,
    real: Callable[..., Workspace],
    make_workspace: Callable[[str], Workspace],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = real(name)
    source = load(ROOT / "forks.toml").fork(name).source
    assert isinstance(source, GitSource)
    full = tmp_path / "full.git"
    git(tmp_path, "clone", "--quiet", "--mirror", "--no-local", source.url, str(full))
    monkeypatch.setenv("FORKCTL_MIRROR", f"{source.url}=file://{full}")
    there = make_workspace("a far/away place")
    there.lay_in(*LAID_IN)
    (there.root / "forks.lock").unlink()
    there.ok("sync", name)
    there.ok("apply", name)
    assert there.head(name) == here.head(name)
    mine, theirs = (read_lock(each.root / "forks.lock") for each in (there, here))
    assert mine[name] == theirs[name]
    assert git(there.tree(name), "status", "--porcelain") == ""


def test_the_default_forks_are_applied_and_hold(real: Callable[..., Workspace]) -> None:
    workspace = real(*FORKS)
    assert workspace.said("status", *FORKS).count(" applied ") == 4
    workspace.said("check", *FORKS, "--strict")
