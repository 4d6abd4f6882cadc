from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from workbench import Bench, Upstream, entry, git

from forkctl.forks.cache import cache_root


@pytest.fixture
def pinned(upstream: Upstream, bench: Bench) -> str:
    commit = upstream.commit(
        {
            "README": "read me\n",
            "src/run.py": "print(1)\n",
            "src/deep/more.py": "more = 1\n",
            "docs/big.bin": b"\0" * 4096,
            "tool.sh": "#!/bin/sh\n",
        }
    )
    bench.manifest(entry(upstream, commit))
    return commit


def files(tree: Path) -> set[str]:
    return {
        str(path.relative_to(tree))
        for path in tree.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def test_lays_out_the_pin(bench: Bench, pinned: str) -> None:
    out = bench.ok("sync")
    assert "laid out" in out
    assert bench.head() == pinned
    assert files(bench.tree()) == {
        "README", "src/run.py", "src/deep/more.py", "docs/big.bin", "tool.sh",
    }  # fmt: skip
    assert git(bench.tree(), "status", "--porcelain") == ""
    assert git(bench.tree(), "symbolic-ref", "HEAD") == "refs/heads/forkctl"
    assert "up to date" in bench.ok("sync")


def test_sparse_folders_only(bench: Bench, upstream: Upstream, pinned: str) -> None:
    bench.manifest(entry(upstream, pinned, sparse=["src/deep"]))
    bench.ok("sync")
    # as git's cone mode has it: the root's files, and those of the folders on the way
    assert files(bench.tree()) == {"README", "tool.sh", "src/run.py", "src/deep/more.py"}
    assert git(bench.tree(), "status", "--porcelain") == ""
    assert git(bench.tree(), "sparse-checkout", "list") == "src/deep"
    stored = git(bench.tree(), "cat-file", "--batch-all-objects", "--batch-check")
    assert f"blob {4096}" not in stored, "what is not laid out is not fetched"


def test_the_tree_outlives_the_cache_and_asks_upstream_for_the_rest(
    bench: Bench, upstream: Upstream, pinned: str
) -> None:
    bench.manifest(entry(upstream, pinned, sparse=["src"]))
    bench.ok("sync")
    shutil.rmtree(cache_root())
    git(bench.tree(), "fsck")
    assert git(bench.tree(), "cat-file", "-s", f"{pinned}:docs/big.bin") == "4096"


def test_more_folders_are_laid_out_when_the_manifest_names_them(
    bench: Bench, upstream: Upstream, pinned: str
) -> None:
    bench.manifest(entry(upstream, pinned, sparse=["src"]))
    bench.ok("sync")
    bench.manifest(entry(upstream, pinned))
    bench.ok("sync")
    assert "docs/big.bin" in files(bench.tree())
    bench.manifest(entry(upstream, pinned, sparse=["docs"]))
    bench.ok("sync")
    assert files(bench.tree()) == {"README", "tool.sh", "docs/big.bin"}
    assert git(bench.tree(), "status", "--porcelain") == ""


def test_a_moved_pin_moves_a_clean_tree_and_keeps_ignored_files(
    bench: Bench, upstream: Upstream, pinned: str
) -> None:
    bench.ok("sync")
    ignored = bench.tree() / "src" / "__pycache__" / "run.pyc"
    ignored.parent.mkdir()
    ignored.write_text("compiled")
    newer = upstream.commit({"src/run.py": None, "src/deep/more.py": "more = 2\n", "new": "n\n"})
    bench.manifest(entry(upstream, newer))
    assert "moved to the new pin" in bench.ok("sync")
    assert bench.head() == newer
    assert git(bench.tree(), "status", "--porcelain") == ""
    assert files(bench.tree()) == {
        "README", "src/deep/more.py", "docs/big.bin", "tool.sh", "new", "src/__pycache__/run.pyc",
    }  # fmt: skip
    assert git(bench.tree(), "for-each-ref", "refs/forkctl/rescue", "--points-at", pinned)


def test_a_file_becomes_a_folder_and_back(bench: Bench, upstream: Upstream, pinned: str) -> None:
    bench.ok("sync")
    second = upstream.commit({"tool.sh": None, "tool.sh/inner": "x\n"})
    for commit in (second, pinned):
        bench.manifest(entry(upstream, commit))
        bench.ok("sync")
        assert git(bench.tree(), "status", "--porcelain") == ""
        assert git(bench.tree(), "diff", "--stat", commit) == ""


def test_links_modes_and_hostile_names_come_through(bench: Bench, upstream: Upstream) -> None:
    (upstream.path / "link").symlink_to("README")
    tool = upstream.path / "run.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    names = ["-rf", "a b", 'quo"te', "new\nline", "tab\t", "ünï", "sub/-x", "back\\slash"]
    first = upstream.commit({"README": "r", **dict.fromkeys(names, "one\n")})
    second = upstream.commit(dict.fromkeys(names, "two\n"))
    bench.manifest(entry(upstream, first))
    bench.ok("sync")
    bench.manifest(entry(upstream, second))
    bench.ok("sync")
    assert {(bench.tree() / name).read_text() for name in names} == {"two\n"}
    assert (bench.tree() / "link").readlink() == Path("README")
    assert os.access(bench.tree() / "run.sh", os.X_OK)
    assert git(bench.tree(), "status", "--porcelain") == ""


def test_a_pin_survives_a_force_push(bench: Bench, upstream: Upstream, pinned: str) -> None:
    bench.ok("sync")
    git(upstream.path, "checkout", "--quiet", "--orphan", "other")
    upstream.commit({"README": "other\n"})
    git(upstream.path, "branch", "-D", "main")
    git(upstream.path, "reflog", "expire", "--expire=now", "--all")
    git(upstream.path, "gc", "--quiet", "--prune=now")
    shutil.rmtree(bench.root / "forks")
    bench.ok("sync")
    assert bench.head() == pinned


def test_offline_uses_the_cache_and_says_what_it_lacks(
    bench: Bench, upstream: Upstream, pinned: str
) -> None:
    assert bench.run("sync", "--offline") == 1
    assert "not in the cache" in bench.err
    assert not bench.tree().exists()
    bench.ok("sync")
    shutil.rmtree(bench.root / "forks")
    upstream.path.rename(upstream.path.with_name("gone"))
    bench.ok("sync", "--offline")
    assert bench.head() == pinned


def test_one_unreachable_upstream_never_stops_the_others(
    bench: Bench, upstream: Upstream, pinned: str, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    bench.manifest(
        entry(f"file://{gone}", pinned, name="lost"), entry(upstream, pinned, name="thing")
    )
    assert bench.run("sync") == 1
    assert bench.head("thing") == pinned
    assert not bench.tree("lost").exists()
    assert "lost" in bench.err and "FORKCTL_MIRROR" in bench.err
    assert "Traceback" not in bench.err


def test_a_mirror_comes_first_and_upstream_stays_the_fallback(
    bench: Bench, upstream: Upstream, pinned: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = "https://upstream.invalid/owner/thing"
    monkeypatch.setenv(
        "FORKCTL_MIRROR",
        f"https://upstream.invalid/owner/thing=file://{tmp_path}/no-such "
        f"https://upstream.invalid/owner/thing={upstream.url}",
    )
    bench.manifest(entry(home, pinned))
    bench.ok("sync")
    assert bench.head() == pinned
    assert git(bench.tree(), "config", "remote.origin.url") == home


def test_a_revision_that_upstream_never_had(bench: Bench, upstream: Upstream, pinned: str) -> None:
    bench.manifest(entry(upstream, "f" * 40))
    assert bench.run("sync") == 1
    assert "f" * 40 in bench.err
    assert not bench.tree().exists()


def test_servers_that_refuse_ids_and_filters_are_served_by_their_branches(
    bench: Bench, upstream: Upstream, pinned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.commit({"later": "x\n"})  # the pin is no tip any more
    git(upstream.path, "config", "uploadpack.allowFilter", "false")
    git(upstream.path, "config", "uploadpack.allowAnySHA1InWant", "false")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "0")
    bench.manifest(entry(upstream, pinned, sparse=["src"]))
    bench.ok("sync")
    assert bench.head() == pinned
    assert "src/run.py" in files(bench.tree())


def test_the_same_ids_from_every_kind_of_clone(
    make_bench: Callable[[str], Bench], upstream: Upstream, pinned: str, tmp_path: Path
) -> None:
    heads = set()
    for kind in (["--bare"], ["--bare", "--depth=1"], ["--mirror"]):
        clone = tmp_path / f"clone{'-'.join(kind)}"
        git(tmp_path, "clone", "--quiet", *kind, upstream.url, str(clone))
        bench = make_bench(f"elsewhere/{clone.name}")
        bench.manifest(entry(f"file://{clone}", pinned))
        bench.ok("sync")
        heads.add((bench.head(), git(bench.tree(), "rev-parse", "HEAD^{tree}")))
    assert len(heads) == 1
