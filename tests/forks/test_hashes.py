"""The bytes make a file the same one: not its name, its size or its times."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks import hashes
from forkctl.forks.hashes import content_hash, file_hash


def test_a_folder_is_its_names_and_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    weights = folder / "a.safetensors"
    weights.write_bytes(b"12")
    before = content_hash(folder)
    os.utime(weights, (1, 1))
    assert content_hash(folder) == before == content_hash(folder.rename(tmp_path / "moved"))
    weights = tmp_path / "moved" / weights.name
    weights.write_bytes(b"21")
    assert content_hash(weights.parent) != before
    weights.write_bytes(b"12")
    weights.rename(weights.with_name("b.safetensors"))
    assert content_hash(weights.parent) != before
    with pytest.raises(ForkctlError, match="no such file"):
        content_hash(tmp_path / "gone")


def test_a_remembered_hash_is_used_only_while_the_file_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORKCTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "_WORTH_KEEPING", 1)
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    file_hash(path)
    assert not (tmp_path / "cache").exists(), "it may change within the same tick"
    monkeypatch.setattr(time, "time", lambda: path.stat().st_mtime + 60)
    assert file_hash(path) == hashlib.sha256(b"one").hexdigest()
    (kept,) = (tmp_path / "cache" / "hashes").iterdir()
    kept.write_text(kept.read_text().replace(hashlib.sha256(b"one").hexdigest(), "remembered"))
    assert file_hash(path) == "remembered"
    path.write_bytes(b"two")
    assert file_hash(path) == hashlib.sha256(b"two").hexdigest()
