"""A save that is killed leaves the old state or the new one: patches, lock and tree agree."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from forkctl.forks import saving
from forkctl.forks.lockfile import LockedFork, read_lock
from forkctl.patching.reading.loading import patch_files
from tests import ROOT
from tests.driver import Upstream, Workspace, entry, git

pytestmark = pytest.mark.slow

SCRIPT = str(ROOT / "tests/e2e/kill_at_every_step.py")
EVERY = int(os.environ.get("FORKCTL_KILL_EVERY", "9"))
PATCH = "subject: Two\nwhy: For luck.\nfiles:\n  - file: b.py\n    edits:\n      - id: it\n"


@pytest.fixture
def workspace(workspace: Workspace, upstream: Upstream) -> Workspace:
    """Two forks of one series, and two commits on top of the first."""
    pin = upstream.commit({"a.py": "A = 1\n", "b.py": "B = 1\n", "c.py": "C = 1\n"})
    edit = "        match: B = 1\n        insert_after: BB = 1\n"
    workspace.write({"patches/thing/0001-two.yaml": PATCH + edit})
    workspace.manifest(
        *(entry(upstream, pin, name=name, series=["thing"]) for name in ("thing", "sibling"))
    )
    workspace.ok("sync")
    workspace.ok("apply")
    for name in ("a.py", "c.py"):
        (workspace.tree() / name).write_text("MINE = 1\n")
        git(workspace.tree(), "commit", "-qam", f"Change {name}")
    return workspace


@dataclass(frozen=True)
class Seen:
    """All that a save changes."""

    patches: dict[str, bytes]
    lock: LockedFork
    head: str
    files: str

    @classmethod
    def of(cls, workspace: Workspace) -> Seen:
        folder = workspace.root / "patches/thing"
        return cls(
            {path.name: path.read_bytes() for path in sorted(folder.iterdir())},
            read_lock(workspace.root / "forks.lock")["thing"],
            workspace.head(),
            git(workspace.tree(), "status", "--porcelain", "--ignored"),
        )


def listed(workspace: Workspace) -> list[str]:
    patches = json.loads(workspace.ok("patches", "--json"))
    return [patch["name"] for patch in patches]


def again(workspace: Workspace, before: Path) -> None:
    for name in ("patches", "forks"):
        shutil.rmtree(workspace.root / name)
        shutil.copytree(before / name, workspace.root / name)
    shutil.copy(before / "forks.lock", workspace.root)


def killed(workspace: Workspace, step: int) -> bool:
    done = subprocess.run(
        [sys.executable, SCRIPT, str(step), "save thing"],
        cwd=workspace.root,
        env=workspace.variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def test_a_kill_before_every_single_change_of_the_disk(workspace: Workspace) -> None:
    before = workspace.root.with_name("before")
    shutil.copytree(workspace.root, before)
    old = Seen.of(workspace)
    workspace.ok("save", "thing")
    new, names = Seen.of(workspace), listed(workspace)
    seen, step = [], 1
    while True:
        again(workspace, before)
        if not killed(workspace, step):
            break
        whole = listed(workspace)  # reads without the lock, and finishes nothing
        assert whole in ([*old.patches], names), f"after a kill before step {step}"
        workspace.ok("status")
        workspace.ok("apply", "sibling" if step % 2 else "thing")
        workspace.ok("check", "thing")
        now = Seen.of(workspace)
        assert now in (old, new), f"after a kill before step {step}"
        left = sorted(path.name for path in (workspace.root / "forks").iterdir())
        assert [name for name in left if name != ".forkctl"] == ["sibling", "thing"]
        workspace.ok("save", "thing")
        assert Seen.of(workspace) == new, f"after a kill before step {step}"
        assert git(workspace.tree(), "for-each-ref", "refs/forkctl/saved").count("\n") == 0
        seen.append(now == new)
        step += EVERY
    assert seen == sorted(seen), "once it goes on, it does not go back"
    assert {*seen} == {False, True} and len(seen) * EVERY > 30


@pytest.fixture
def half_done(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A save has written its files and was killed before it touched the tree."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(saving, "switch", die)
        patched.setattr(saving, "_undo", die)
        assert workspace.run("save", "thing") == 130
    assert (workspace.root / "patches/thing/0003-change-c-py.patch").is_file()
    return workspace


def test_commits_made_since_are_saved_with_the_others(half_done: Workspace) -> None:
    assert "interrupted" in half_done.ok("status")
    (half_done.tree() / "b.py").write_text("MINE = 1\n")
    git(half_done.tree(), "commit", "-qam", "Third")
    half_done.ok("save", "thing")
    names = [
        "0001-two.yaml",
        "0002-change-a-py.patch",
        "0003-change-c-py.patch",
        "0004-third.patch",
    ]
    assert [*Seen.of(half_done).patches] == names


def test_files_are_kept_where_they_are_all_that_is_left(half_done: Workspace) -> None:
    shutil.rmtree(half_done.tree())
    half_done.ok("sync", "thing")
    half_done.ok("apply", "thing")
    assert (half_done.tree() / "c.py").read_text() == "MINE = 1\n"


def test_another_fork_of_the_series_does_not_see_what_is_half_done(half_done: Workspace) -> None:
    assert "up to date" in half_done.ok("apply", "sibling")
    (half_done.tree("sibling") / "a.py").write_text("MINE = 2\n")
    git(half_done.tree("sibling"), "commit", "-qam", "Mine")
    half_done.ok("save", "sibling")
    assert [*Seen.of(half_done).patches] == ["0001-two.yaml", "0002-mine.patch"]
    half_done.ok("save", "thing")
    half_done.ok("apply")
    half_done.ok("check")


def test_a_series_is_read_whole_while_a_save_writes_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = saving.write_atomically, []

    def looked_at(path: Path, content: str | bytes) -> None:
        real(path, content)
        seen.append([found.name for found in patch_files(workspace.root / "patches", "thing")])

    monkeypatch.setattr(saving, "write_atomically", looked_at)
    workspace.ok("save", "thing")
    assert seen == [["0001-two.yaml"]] * 3
    assert len(patch_files(workspace.root / "patches", "thing")) == 3
