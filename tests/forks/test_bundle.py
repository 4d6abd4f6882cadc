from __future__ import annotations

import io
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.places import cache_root
from tests.driver import Upstream, Workspace, entry


def test_a_machine_without_network_gets_the_same_tree(
    make_workspace: Callable[[str], Workspace], upstream: Upstream, tmp_path: Path
) -> None:
    pin = upstream.commit({"a": "a\n", "src/b": "b\n", "docs/c": "c\n"})
    here, there = make_workspace("here"), make_workspace("there")
    for workspace in (here, there):
        workspace.manifest(entry(upstream, pin, sparse=["src"]))
    file = tmp_path / "pins.tar.gz"
    here.ok("bundle", "-o", str(file))
    shutil.rmtree(cache_root())
    upstream.path.rename(tmp_path / "no network")
    assert there.run("sync", "--offline") == 1
    assert "thing" in there.ok("bundle", "--load", str(file))
    there.ok("sync", "--offline")
    assert there.head() == pin
    assert (there.tree() / "src/b").read_text() == "b\n"


def test_what_is_no_bundle_or_another_pins(
    workspace: Workspace, upstream: Upstream, tmp_path: Path
) -> None:
    first = upstream.commit({"a": "a\n"})
    workspace.manifest(entry(upstream, first))
    workspace.ok("bundle", "-o", str(tmp_path / "old"))
    workspace.manifest(entry(upstream, upstream.commit({"a": "b\n"})))
    assert workspace.run("bundle", "--load", str(tmp_path / "old")) == 1
    assert "does not hold the revision" in workspace.err
    (tmp_path / "text").write_text("no archive")
    assert workspace.run("bundle", "--load", str(tmp_path / "text")) == 1
    assert workspace.run("bundle") == 2


def repack(bundle: Path, pack: bytes) -> None:
    """The same bundle with another pack."""
    with tarfile.open(bundle, "r:gz") as archive:
        (name,) = archive.getnames()
    with tarfile.open(bundle, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(pack)
        archive.addfile(member, io.BytesIO(pack))


def pack_of(upstream: Upstream, *revisions: str) -> bytes:
    oids = "".join(upstream.git("rev-parse", revision) + "\n" for revision in revisions)
    words = ["git", "-C", str(upstream.path), "pack-objects", "--stdout", "-q"]
    return subprocess.run(words, input=oids.encode(), capture_output=True, check=True).stdout


@pytest.fixture
def bundle(workspace: Workspace, upstream: Upstream, tmp_path: Path) -> Path:
    noise = random.Random(0).randbytes(5000)
    workspace.manifest(entry(upstream, upstream.commit({"src/a": noise, "docs/c": "c\n"})))
    workspace.ok("bundle", "-o", str(tmp_path / "bundle"))
    shutil.rmtree(cache_root())
    return tmp_path / "bundle"


def test_a_bundle_that_is_cut_short_is_said_to_be_one(workspace: Workspace, bundle: Path) -> None:
    whole = bundle.read_bytes()
    for length in (0, 5, 30, len(whole) // 2):
        bundle.write_bytes(whole[:length])
        assert workspace.run("bundle", "--load", str(bundle)) == 1, length
        assert "Interrupted" not in workspace.err
        assert "bundle" in workspace.err and "hint" in workspace.err
    bundle.write_bytes(whole)
    workspace.ok("bundle", "--load", str(bundle))


@pytest.mark.parametrize(
    ("revisions", "said"),
    [
        (["HEAD"], "the folders"),
        (["HEAD", "HEAD^{tree}"], "the folders"),
        (["HEAD", "HEAD^{tree}", "HEAD:src", "HEAD:docs"], "2 of the files"),
        (["HEAD", "HEAD^{tree}", "HEAD:src", "HEAD:docs", "HEAD:docs/c"], "1 of the files"),
        ([], "is damaged"),
    ],
)
def test_a_bundle_that_lacks_a_part_is_refused(
    workspace: Workspace, upstream: Upstream, bundle: Path, revisions: list[str], said: str
) -> None:
    repack(bundle, pack_of(upstream, *revisions) if revisions else b"PACK and no more")
    assert workspace.run("bundle", "--load", str(bundle)) == 1
    assert said in workspace.err and "make the bundle again" in workspace.err
    assert workspace.run("sync", "--offline") == 1
    assert "not in the cache" in workspace.err
    workspace.ok("sync")
