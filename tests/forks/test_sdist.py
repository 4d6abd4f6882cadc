from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks import archives
from forkctl.forks.sources import unpack
from forkctl.places import cache_root
from tests.driver import Workspace, git


def archive(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A package index of one source package, and its sha256."""
    content = archive(
        [
            member("tiny-thing-1.0/setup.py", f"open({str(tmp_path / 'ran')!r}, 'w')".encode()),
            member("tiny-thing-1.0/tiny/run.sh", b"#!/bin/sh\n", mode=0o777, mtime=12345),
            member("tiny-thing-1.0/tiny/code.py", b"CODE = 1\n", mode=0o600),
        ]
    )  # fmt: skip
    folder = tmp_path / "index" / "tiny-thing"
    folder.mkdir(parents=True)
    (folder / "tiny-thing-1.0.tar.gz").write_bytes(content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder, hashlib.sha256(content).hexdigest()


def declare(workspace: Workspace, sha256: str) -> None:
    workspace.manifest(f'[fork.tiny]\npypi = "tiny-thing"\nversion = "1.0"\nsha256 = "{sha256}"\n')


def test_a_release_becomes_a_tree(workspace: Workspace, index: tuple[Path, str]) -> None:
    folder, sha256 = index
    declare(workspace, sha256)
    workspace.ok("sync")
    tree = workspace.tree("tiny")
    assert (tree / "tiny/code.py").read_text() == "CODE = 1\n"
    modes = git(tree, "ls-files", "--stage", "tiny").split()
    assert modes[0] == "100644" and modes[4] == "100755", "modes are normalised"
    assert git(tree, "log", "--format=%an %cn %s") == "forkctl forkctl Import tiny-thing 1.0"
    assert git(tree, "status", "--porcelain") == ""
    head = workspace.head("tiny")
    workspace.ok("clean", "tiny")
    (folder / "tiny-thing-1.0.tar.gz").unlink()
    workspace.ok("sync", "--offline")
    assert workspace.head("tiny") == head
    assert not (folder.parents[1] / "ran").exists(), "nothing of a package is run"


def test_another_archive_under_the_same_name_is_refused(
    workspace: Workspace, index: tuple[Path, str]
) -> None:
    declare(workspace, "0" * 64)
    assert workspace.run("sync") == 1
    assert "tiny-thing==1.0" in workspace.err
    assert not workspace.tree("tiny").exists()


@pytest.mark.parametrize(
    "bad",
    [
        member("top/../../out"),
        member("/abs"),
        member("top/.git/config"),
        member("top/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("top/link", type=tarfile.LNKTYPE, linkname="top/a"),
        member("top/pipe", type=tarfile.FIFOTYPE),
        member("other/file"),
    ],
    ids=lambda bad: bad[0].name,
)
def test_archives_that_reach_out_are_refused(bad: tuple[tarfile.TarInfo, bytes]) -> None:
    with pytest.raises(ForkctlError):
        list(unpack(archive([member("top/a"), bad]), "here"))


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


SPARSE = bytearray(header("top/holes", 512, b"S"))
SPARSE[386:482] = b"%011o\0%011o\0" % (0, 512) + bytes(72)  # where the one piece of it lies
SPARSE[483:495] = b"%011o\0" % (2**33 - 1)  # and how long it is with its holes
SPARSE[148:156] = b"%06o\0 " % (sum(SPARSE) - sum(SPARSE[148:156]) + 8 * 32)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bytes(SPARSE) + bytes(1024), "has holes"),
        (header("top/big", 2**33 - 1), "more than forkctl unpacks"),
        (header("././@LongLink", 2**32, b"L") + bytes(2**23), "a header is longer"),
        (header("top/pax", 2**32, b"x") + bytes(2**23), "a header is longer"),
    ],
    ids=["holes", "size", "name", "pax"],
)
def test_a_few_bytes_that_stand_for_many_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(ForkctlError, match=said):
        list(unpack(gzip.compress(header("top/a", 0) + content), "here"))


@pytest.mark.parametrize("content", [b"noise", gzip.compress(b"noise"), gzip.compress(b"")[:9]])
def test_what_is_no_archive_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ForkctlError, match="cannot be unpacked"):
        list(unpack(content, "here"))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST", 10_000)
    list(unpack(archive([member("top/a", bytes(9_000))]), "here"))
    with pytest.raises(ForkctlError, match="more than forkctl unpacks"):
        list(
            unpack(archive([member("top/a", bytes(9_000)), member("top/b", bytes(2_000))]), "here")
        )


@pytest.mark.parametrize("archive_too", [False, True])
def test_a_damaged_release_in_the_cache_is_imported_again(
    workspace: Workspace, index: tuple[Path, str], archive_too: bool
) -> None:
    declare(workspace, index[1])
    workspace.ok("sync")
    head = workspace.head("tiny")
    shutil.rmtree(workspace.root / "forks")
    (cached,) = (cache_root() / "sdists").iterdir()
    for stored in cached.glob("objects/??/*"):
        stored.chmod(0o644)
        stored.write_bytes(b"noise")
    if archive_too:
        (cached / "archive.tar.gz").write_bytes(b"noise")
    assert workspace.run("doctor", "--json") == 1
    assert "is damaged" in workspace.out
    workspace.ok("sync")
    assert workspace.head("tiny") == head
    assert "the cache is damaged" in workspace.err
