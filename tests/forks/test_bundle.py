from __future__ import annotations

import hashlib
import io
import random
import shutil
import struct
import subprocess
import tarfile
import zlib
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
    repack_as(bundle, name, pack)


def repack_as(bundle: Path, name: str, content: bytes) -> None:
    with tarfile.open(bundle, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


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


def packed(kind: int, content: bytes, base: bytes = b"") -> bytes:
    """An object as it lies in a pack."""
    size = len(content)
    head = [kind << 4 | size & 15]
    size >>= 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    return bytes(head) + base + zlib.compress(content)


def test_a_pack_of_kilobytes_cannot_fill_the_memory(workspace: Workspace, bundle: Path) -> None:
    block = bytes(2**16)
    base = hashlib.sha1(b"blob %d\0" % len(block) + block).digest()
    # what to make of the block: itself, 2**17 times, which is eight gigabytes
    delta = b"\x80\x80\x04" + b"\x80\x80\x80\x80\x20" + b"\x80" * 2**17
    pack = b"PACK" + struct.pack(">II", 2, 2) + packed(3, block) + packed(7, delta, base)
    repack(bundle, pack + hashlib.sha1(pack).digest())
    assert bundle.stat().st_size < 10_000
    assert workspace.run("bundle", "--load", str(bundle)) == 1
    assert "attempting to allocate" in workspace.err and "make the bundle again" in workspace.err


def test_names_and_links_of_a_bundle_lead_nowhere(
    workspace: Workspace, bundle: Path, tmp_path: Path
) -> None:
    with tarfile.open(bundle, "r:gz") as archive:
        (name,) = archive.getnames()
        held = archive.extractfile(name)
        assert held is not None
        pack = held.read()
    with tarfile.open(bundle, "w:gz") as archive:
        for path in ("/abs", "../out", "thing/../../out", "another/x.pack"):
            archive.addfile(tarfile.TarInfo(path))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            link = tarfile.TarInfo("thing/link")
            link.type, link.linkname = kind, "/etc/passwd"
            archive.addfile(link)
    before = set(tmp_path.rglob("*"))
    assert workspace.run("bundle", "--load", str(bundle)) == 1, "an empty file is no pack"
    assert {path for path in tmp_path.rglob("*") if "cache" not in path.parts} <= before
    repack_as(bundle, "thing/../../out.pack", pack)
    workspace.ok("bundle", "--load", str(bundle))
    assert not list(tmp_path.rglob("out.pack"))


def test_a_release_of_other_content_does_not_replace_the_one_that_is_there(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.manifest(f'[fork.tiny]\npypi = "tiny"\nversion = "1"\nsha256 = "{"0" * 64}"\n')
    repack_as(tmp_path / "bundle", "tiny/archive.tar.gz", b"other")
    assert workspace.run("bundle", "--load", str(tmp_path / "bundle")) == 1
    assert "does not hold tiny==1" in workspace.err
    assert not list(cache_root().rglob("archive.tar.gz"))
