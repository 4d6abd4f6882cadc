"""`forkctl clean` removes what forkctl made, and nothing that it did not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
