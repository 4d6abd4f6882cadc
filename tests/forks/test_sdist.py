from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.sources import unpack
from forkctl.places import cache_root
from tests.driver import Workspace, git

PYPROJECT = b"""\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# pip asks for the metadata of what it downloads
BACKEND = b"""\
from pathlib import Path


def prepare_metadata_for_build_wheel(folder, settings=None):
    info = Path(folder, "tiny_thing-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: tiny-thing\\nVersion: 1.0\\n")
    return info.name
"""


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
            member("tiny-thing-1.0/pyproject.toml", PYPROJECT),
            member("tiny-thing-1.0/backend.py", BACKEND),
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
