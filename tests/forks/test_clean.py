"""`forkctl clean` removes what forkctl made, and nothing that it did not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.forks import clean
from tests.driver import Upstream, Workspace, entry, git


@pytest.fixture
def with_submodule(
    workspace: Workspace, upstream: Upstream, make_upstream: Callable[[str], Upstream]
) -> Workspace:
    """A fork whose upstream has a submodule."""
    library = make_upstream("library")
    library.commit({"lib.py": "LIB = 1\n"})
    upstream.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.url, "sub"
    )
    workspace.pin = upstream.commit({"code.py": "a = 1\n"})
    workspace.manifest(entry(upstream, workspace.pin))
    workspace.ok("sync")
    return workspace


def put_a_file(tree: Path) -> None:
    (tree / "sub/results.txt").write_text("weeks of work")


def put_a_file_that_is_ignored(tree: Path) -> None:
    (tree / ".git/info/exclude").write_text("*.ckpt\n")
    (tree / "sub/deep").mkdir()
    (tree / "sub/deep/model.ckpt").write_text("weeks of work")


def branch_off(tree: Path) -> None:
    git(tree, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
    git(tree / "sub", "switch", "-qc", "mine")
    (tree / "sub/lib.py").write_text("LIB = 2\n")
    git(tree / "sub", "commit", "-qam", "Mine")
    git(tree / "sub", "checkout", "-q", "main")


@pytest.mark.parametrize("work", [put_a_file, put_a_file_that_is_ignored, branch_off])
def test_work_in_a_submodule_is_kept(
    with_submodule: Workspace, work: Callable[[Path], None]
) -> None:
    work(with_submodule.tree())
    assert with_submodule.run("clean", "thing") == 1
    assert "sub/" in with_submodule.err and "hint" in with_submodule.err
    assert any((with_submodule.tree() / "sub").iterdir())


def test_a_submodule_that_was_never_laid_out_is_no_reason_to_keep_a_tree(
    with_submodule: Workspace,
) -> None:
    with_submodule.ok("clean", "thing")
    assert not with_submodule.tree().exists()


@pytest.fixture
def tree(workspace: Workspace, upstream: Upstream) -> Path:
    workspace.manifest(entry(upstream, upstream.commit({"code.py": "a = 1\n"})))
    workspace.ok("sync")
    return workspace.tree()


def add_a_hook(tree: Path) -> None:
    (tree / ".git/hooks").mkdir(exist_ok=True)
    (tree / ".git/hooks/pre-commit").write_text("#!/bin/sh\n")


def configure(tree: Path) -> None:
    git(tree, "config", "user.signingKey", "mine")


def add_a_remote(tree: Path) -> None:
    git(tree, "remote", "add", "mine", "https://example.org/mine")


def fetch(tree: Path) -> None:
    git(tree, "update-ref", "refs/remotes/origin/main", "HEAD")


def tag(tree: Path) -> None:
    git(tree, "tag", "-a", "result", "-m", "What I measured")


def branch_at_the_head(tree: Path) -> None:
    git(tree, "branch", "mine")


def ignore_more(tree: Path) -> None:
    (tree / ".git/info/exclude").write_text("*.ckpt\n")


def set_attributes(tree: Path) -> None:
    (tree / ".git/info/attributes").write_text("*.ckpt -diff\n")


def keep_a_note_beside(tree: Path) -> None:
    (tree / ".git/NOTES.md").write_text("mine")


@pytest.mark.parametrize(
    ("work", "named"),
    [
        (add_a_hook, ".git/hooks/pre-commit"),
        (configure, "user.signingkey in .git/config"),
        (add_a_remote, "remote.mine.url in .git/config"),
        (fetch, "refs/remotes/origin/main"),
        (tag, "refs/tags/result"),
        (branch_at_the_head, "refs/heads/mine"),
        (ignore_more, ".git/info/exclude"),
        (set_attributes, ".git/info/attributes"),
        (keep_a_note_beside, ".git/NOTES.md"),
    ],
)
def test_what_git_keeps_for_the_user_is_named(
    workspace: Workspace, tree: Path, work: Callable[[Path], None], named: str
) -> None:
    work(tree)
    assert workspace.run("clean", "thing") == 1
    assert named in workspace.err
    assert tree.exists()


def test_what_git_leaves_behind_by_itself_is_not_in_the_way(
    workspace: Workspace, upstream: Upstream, tree: Path
) -> None:
    (tree / "code.py").write_text("a = 2\n")
    git(tree, "commit", "-qam", "Mine")
    git(tree, "reset", "-q", "--hard", "HEAD~1")
    git(tree, "gc", "-q")
    git(tree, "fetch", "-q", "origin", "HEAD")
    upstream.path.rename(upstream.path.with_name("moved"))
    workspace.manifest(entry(f"file://{upstream.path.with_name('moved')}", workspace.head()))
    workspace.ok("sync")  # forkctl writes the new address itself
    workspace.ok("clean", "thing")
    assert not tree.exists()


@pytest.mark.parametrize("step", ["_refs_of_user", "_beside"])
def test_an_edit_made_while_a_tree_is_looked_at_is_kept(
    workspace: Workspace, tree: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real = getattr(clean, step)

    def disturbed(*words: object) -> object:
        (tree / "code.py").write_text("mine\n")
        return real(*words)

    monkeypatch.setattr(clean, step, disturbed)
    assert workspace.run("clean", "thing") == 1
    assert "code.py" in workspace.err
    assert (tree / "code.py").read_text() == "mine\n"
    assert not (tree / ".git/index.lock").exists()
