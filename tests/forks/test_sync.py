from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.forks.git import reason_in
from forkctl.places import cache_root
from tests.driver import Upstream, Workspace, entry, git


@pytest.fixture
def pinned(upstream: Upstream, workspace: Workspace) -> str:
    commit = upstream.commit(
        {
            "README": "read me\n",
            "src/run.py": "print(1)\n",
            "src/deep/more.py": "more = 1\n",
            "docs/big.bin": b"\0" * 4096,
            "tool.sh": "#!/bin/sh\n",
        }
    )
    workspace.manifest(entry(upstream, commit))
    return commit


def files(tree: Path) -> set[str]:
    return {
        str(path.relative_to(tree))
        for path in tree.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def test_lays_out_the_pin(workspace: Workspace, pinned: str) -> None:
    out = workspace.ok("sync")
    assert "laid out" in out
    assert workspace.head() == pinned
    assert files(workspace.tree()) == {
        "README", "src/run.py", "src/deep/more.py", "docs/big.bin", "tool.sh",
    }  # fmt: skip
    assert git(workspace.tree(), "status", "--porcelain") == ""
    assert git(workspace.tree(), "symbolic-ref", "HEAD") == "refs/heads/forkctl"
    assert "up to date" in workspace.ok("sync")


def test_sparse_folders_only(workspace: Workspace, upstream: Upstream, pinned: str) -> None:
    workspace.manifest(entry(upstream, pinned, sparse=["src/deep"]))
    workspace.ok("sync")
    # as git's cone mode has it: the root's files, and those of the folders on the way
    assert files(workspace.tree()) == {"README", "tool.sh", "src/run.py", "src/deep/more.py"}
    assert git(workspace.tree(), "status", "--porcelain") == ""
    assert git(workspace.tree(), "sparse-checkout", "list") == "src/deep"
    stored = git(workspace.tree(), "cat-file", "--batch-all-objects", "--batch-check")
    assert f"blob {4096}" not in stored, "what is not laid out is not fetched"


def test_the_tree_outlives_the_cache_and_asks_upstream_for_the_rest(
    workspace: Workspace, upstream: Upstream, pinned: str
) -> None:
    workspace.manifest(entry(upstream, pinned, sparse=["src"]))
    workspace.ok("sync")
    shutil.rmtree(cache_root())
    git(workspace.tree(), "fsck")
    assert git(workspace.tree(), "cat-file", "-s", f"{pinned}:docs/big.bin") == "4096"


def test_more_folders_are_laid_out_when_the_manifest_names_them(
    workspace: Workspace, upstream: Upstream, pinned: str
) -> None:
    workspace.manifest(entry(upstream, pinned, sparse=["src"]))
    workspace.ok("sync")
    workspace.manifest(entry(upstream, pinned))
    workspace.ok("sync")
    assert "docs/big.bin" in files(workspace.tree())
    workspace.manifest(entry(upstream, pinned, sparse=["docs"]))
    workspace.ok("sync")
    assert files(workspace.tree()) == {"README", "tool.sh", "docs/big.bin"}
    assert git(workspace.tree(), "status", "--porcelain") == ""


def test_a_moved_pin_moves_a_clean_tree_and_keeps_ignored_files(
    workspace: Workspace, upstream: Upstream, pinned: str
) -> None:
    workspace.ok("sync")
    ignored = workspace.tree() / "src" / "__pycache__" / "run.pyc"
    ignored.parent.mkdir()
    ignored.write_text("compiled")
    newer = upstream.commit({"src/run.py": None, "src/deep/more.py": "more = 2\n", "new": "n\n"})
    workspace.manifest(entry(upstream, newer))
    assert "moved to the new pin" in workspace.ok("sync")
    assert workspace.head() == newer
    assert git(workspace.tree(), "status", "--porcelain") == ""
    assert files(workspace.tree()) == {
        "README", "src/deep/more.py", "docs/big.bin", "tool.sh", "new", "src/__pycache__/run.pyc",
    }  # fmt: skip
    assert git(workspace.tree(), "for-each-ref", "refs/forkctl/rescue", "--points-at", pinned)


def test_a_file_becomes_a_folder_and_back(
    workspace: Workspace, upstream: Upstream, pinned: str
) -> None:
    workspace.ok("sync")
    second = upstream.commit({"tool.sh": None, "tool.sh/inner": "x\n"})
    for commit in (second, pinned):
        workspace.manifest(entry(upstream, commit))
        workspace.ok("sync")
        assert git(workspace.tree(), "status", "--porcelain") == ""
        assert git(workspace.tree(), "diff", "--stat", commit) == ""


def test_links_modes_and_hostile_names_come_through(
    workspace: Workspace, upstream: Upstream
) -> None:
    (upstream.path / "link").symlink_to("README")
    tool = upstream.path / "run.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    names = ["-rf", "a b", 'quo"te', "new\nline", "tab\t", "ünï", "sub/-x", "back\\slash"]
    first = upstream.commit({"README": "r", **dict.fromkeys(names, "one\n")})
    second = upstream.commit(dict.fromkeys(names, "two\n"))
    workspace.manifest(entry(upstream, first))
    workspace.ok("sync")
    workspace.manifest(entry(upstream, second))
    workspace.ok("sync")
    assert {(workspace.tree() / name).read_text() for name in names} == {"two\n"}
    assert (workspace.tree() / "link").readlink() == Path("README")
    assert os.access(workspace.tree() / "run.sh", os.X_OK)
    assert git(workspace.tree(), "status", "--porcelain") == ""


def test_a_pin_survives_a_force_push(workspace: Workspace, upstream: Upstream, pinned: str) -> None:
    workspace.ok("sync")
    git(upstream.path, "checkout", "--quiet", "--orphan", "other")
    upstream.commit({"README": "other\n"})
    git(upstream.path, "branch", "-D", "main")
    git(upstream.path, "reflog", "expire", "--expire=now", "--all")
    git(upstream.path, "gc", "--quiet", "--prune=now")
    shutil.rmtree(workspace.root / "forks")
    workspace.ok("sync")
    assert workspace.head() == pinned


def test_offline_uses_the_cache_and_says_what_it_lacks(
    workspace: Workspace, upstream: Upstream, pinned: str
) -> None:
    assert workspace.run("sync", "--offline") == 1
    assert "not in the cache" in workspace.err
    assert not workspace.tree().exists()
    workspace.ok("sync")
    shutil.rmtree(workspace.root / "forks")
    upstream.path.rename(upstream.path.with_name("gone"))
    workspace.ok("sync", "--offline")
    assert workspace.head() == pinned


def test_one_unreachable_upstream_never_stops_the_others(
    workspace: Workspace, upstream: Upstream, pinned: str, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    workspace.manifest(
        entry(f"file://{gone}", pinned, name="lost"), entry(upstream, pinned, name="thing")
    )
    assert workspace.run("sync") == 1
    assert workspace.head("thing") == pinned
    assert not workspace.tree("lost").exists()
    assert "lost" in workspace.err and "FORKCTL_MIRROR" in workspace.err
    assert "Traceback" not in workspace.err


def test_a_mirror_comes_first_and_upstream_stays_the_fallback(
    workspace: Workspace,
    upstream: Upstream,
    pinned: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = "https://upstream.invalid/owner/thing"
    monkeypatch.setenv(
        "FORKCTL_MIRROR",
        f"https://upstream.invalid/owner/thing=file://{tmp_path}/no-such "
        f"https://upstream.invalid/owner/thing={upstream.url}",
    )
    workspace.manifest(entry(home, pinned))
    workspace.ok("sync")
    assert workspace.head() == pinned
    assert git(workspace.tree(), "config", "remote.origin.url") == home


def test_a_mirror_that_fails_is_said(
    workspace: Workspace, upstream: Upstream, pinned: str, tmp_path: Path
) -> None:
    mirror = f'[mirrors]\n"file://" = "file://{tmp_path}/no-such"\n'
    workspace.manifest(entry(upstream, pinned), mirror)
    workspace.ok("sync")
    assert f"warning: the mirror file://{tmp_path}/no-such" in workspace.err


@pytest.mark.parametrize("variable", ["fd::9/", "https://me:secret@example.org/", "nonsense"])
def test_a_mirror_of_the_environment_is_judged_as_one_of_the_manifest(
    workspace: Workspace, pinned: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("FORKCTL_MIRROR", f"https://example.org/={variable}")
    assert workspace.run("sync") == 1
    assert "FORKCTL_MIRROR" in workspace.err and "secret" not in workspace.err


def test_no_program_is_started_as_a_transport(
    workspace: Workspace, pinned: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever git is told to read an address as."""
    helper = tmp_path / "bin" / "git-remote-evil"
    helper.parent.mkdir()
    helper.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("GIT_ALLOW_PROTOCOL")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.evil::.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://upstream.invalid/")
    workspace.manifest(entry("https://upstream.invalid/thing", pinned))
    assert workspace.run("sync") == 1
    assert "transport 'evil' not allowed" in workspace.err
    assert not (tmp_path / "started").exists()


def test_what_git_says_is_shown_without_secrets() -> None:
    said = "fatal: unable to access 'https://me:secret@example.org/x?private_token=secret': no"
    shown = reason_in(said, 128)
    assert "secret" not in shown and "example.org/x" in shown
    plain = "git@example.org: Permission denied"
    assert reason_in(f"fatal: {plain}", 128) == f"fatal: {plain}"


def test_a_revision_that_upstream_never_had(
    workspace: Workspace, upstream: Upstream, pinned: str
) -> None:
    workspace.manifest(entry(upstream, "f" * 40))
    assert workspace.run("sync") == 1
    assert "f" * 40 in workspace.err
    assert not workspace.tree().exists()


def test_servers_that_refuse_ids_and_filters_are_served_by_their_branches(
    workspace: Workspace, upstream: Upstream, pinned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.commit({"later": "x\n"})  # the pin is no tip any more
    git(upstream.path, "config", "uploadpack.allowFilter", "false")
    git(upstream.path, "config", "uploadpack.allowAnySHA1InWant", "false")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "0")
    workspace.manifest(entry(upstream, pinned, sparse=["src"]))
    workspace.ok("sync")
    assert workspace.head() == pinned
    assert "src/run.py" in files(workspace.tree())


def test_the_same_ids_from_every_kind_of_clone(
    make_workspace: Callable[[str], Workspace], upstream: Upstream, pinned: str, tmp_path: Path
) -> None:
    heads = set()
    for kind in (["--bare"], ["--bare", "--depth=1"], ["--mirror"]):
        clone = tmp_path / f"clone{'-'.join(kind)}"
        git(tmp_path, "clone", "--quiet", *kind, upstream.url, str(clone))
        workspace = make_workspace(f"elsewhere/{clone.name}")
        workspace.manifest(entry(f"file://{clone}", pinned))
        workspace.ok("sync")
        heads.add((workspace.head(), git(workspace.tree(), "rev-parse", "HEAD^{tree}")))
    assert len(heads) == 1
