"""What a user does while a tree moves, and what a kill in the middle of it leaves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.forks import switch
from tests.driver import Upstream, Workspace, entry, git

PATCH = "subject: Two\nwhy: For luck.\nfiles:\n  - file: b.py\n    edits:\n      - id: it\n"


@pytest.fixture
def moving(workspace: Workspace, upstream: Upstream) -> Workspace:
    """A fork that an apply will change in two files."""
    workspace.pin = upstream.commit({"a.py": "A = 1\n", "b.py": "B = 1\n", "c.py": "C = 1\n"})
    workspace.write(
        {
            "patches/thing/0001-two.yaml": PATCH
            + "        match: B = 1\n        insert_after: BB = 1\n",
            "overlays/thing/ours.py": "OURS = 1\n",
        }
    )
    workspace.manifest(entry(upstream, workspace.pin, series=["thing"], overlays=["thing"]))
    workspace.ok("sync")
    return workspace


@pytest.fixture
def when(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """`when("_stage", work)`: the user does `work`, once, right before this step of a switch."""

    def arrange(step: str, work: Callable[[], object]) -> None:
        real, done = getattr(switch, step), []

        def disturbed(*words: object, **more: object) -> object:
            if not done:
                done.append(True)
                work()
            return real(*words, **more)

        monkeypatch.setattr(switch, step, disturbed)

    return arrange


def edit(tree: Path) -> None:
    (tree / "b.py").write_text("mine\n")


def edit_what_only_the_new_state_has(tree: Path) -> None:
    (tree / "ours.py").write_text("mine\n")


@pytest.mark.parametrize("step", ["_write_index", "_stage", "hold_index", "_move_files"])
@pytest.mark.parametrize("work", [edit, edit_what_only_the_new_state_has])
def test_an_edit_made_while_the_tree_moves_is_kept(
    moving: Workspace,
    when: Callable[[str, Callable[[], object]], None],
    step: str,
    work: Callable[[Path], None],
) -> None:
    when(step, lambda: work(moving.tree()))
    assert moving.run("apply") == 1
    changed = "b.py" if work is edit else "ours.py"
    assert (moving.tree() / changed).read_text() == "mine\n"
    assert changed in moving.err and "hint" in moving.err
    (moving.tree() / changed).rename(moving.root / "aside")  # as the hints say
    if step != "_move_files" and work is edit:
        git(moving.tree(), "checkout", "-q", "b.py")
    moving.ok("apply")
    assert git(moving.tree(), "status", "--porcelain") == ""
    assert (moving.tree() / "b.py").read_text() == "B = 1\nBB = 1\n"


def commit(tree: Path) -> str:
    (tree / "c.py").write_text("MINE = 1\n")
    git(tree, "commit", "-qam", "Mine")
    return git(tree, "rev-parse", "HEAD")


@pytest.mark.parametrize("step", ["_write_index", "_stage", "hold_index"])
def test_a_commit_made_while_the_tree_moves_stays_on_its_branch(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None], step: str
) -> None:
    made: list[str] = []
    when(step, lambda: made.append(commit(moving.tree())))
    assert moving.run("apply") == 1
    assert "commits of yours" in moving.err
    assert moving.head() == made[0]
    assert git(moving.tree(), "status", "--porcelain") == ""


def test_git_itself_is_kept_from_committing_while_files_move(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None]
) -> None:
    refused: list[int] = []

    def commit_anyway() -> None:
        words = ["git", "-C", str(moving.tree()), "commit", "-q", "--allow-empty", "-m", "Mine"]
        refused.append(subprocess.run(words, capture_output=True).returncode)

    when("_move_files", commit_anyway)
    moving.ok("apply")
    assert refused == [128]


def test_a_branch_that_is_moved_without_gits_lock_is_not_moved_back(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None]
) -> None:
    def plumb() -> str:
        tree = moving.tree()
        made = git(tree, "commit-tree", "-m", "Mine", "-p", "HEAD", "HEAD^{tree}")
        git(tree, "update-ref", "refs/heads/forkctl", made)
        return made

    made: list[str] = []
    when("_move_branch", lambda: made.append(plumb()))
    assert moving.run("apply") == 1
    assert moving.head() == made[0]
    assert moving.run("apply") == 1
    assert "git branch mine" in moving.err and "git reset --soft" in moving.err
    git(moving.tree(), "branch", "mine")
    git(moving.tree(), "reset", "--soft", moving.pin)
    moving.ok("apply")
    assert git(moving.tree(), "rev-parse", "mine") == made[0]
    assert git(moving.tree(), "status", "--porcelain") == ""


def test_a_commit_made_while_save_works_is_not_dropped(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None]
) -> None:
    moving.ok("apply")
    (moving.tree() / "a.py").write_text("A = 2\n")
    git(moving.tree(), "commit", "-qam", "First")
    second: list[str] = []
    when("_stage", lambda: second.append(commit(moving.tree())))
    assert moving.run("save", "thing") == 1
    assert moving.head() == second[0]
    moving.ok("save", "thing")
    assert (moving.tree() / "c.py").read_text() == "MINE = 1\n"
    names = sorted(path.name for path in (moving.root / "patches/thing").iterdir())
    assert names == ["0001-two.yaml", "0002-first.patch", "0003-mine.patch"]
