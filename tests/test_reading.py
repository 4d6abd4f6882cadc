"""Files that others write are read whole, or refused: no waiting, no memory for what has no end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forkctl.reading import open_file, read_bytes, read_json, read_text


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b'{"a": "\xc3\xa4"}\n' * 1)
    assert read_bytes(path) == path.read_bytes()
    assert read_text(path) == '{"a": "ä"}\n'
    assert read_json(path) == {"a": "ä"}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file"),
        (Path.mkdir, "Is a directory"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.symlink_to("/proc/self/mem"), "Input/output error"),
        (lambda path: path.write_bytes(b"a\xff"), r"not text in UTF-8 \(byte 1\)"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 65 << 20), "64 MiB"),
    ],
)
def test_what_is_none_is_an_error_of_the_system_that_names_it(
    tmp_path: Path, make: object, reason: str
) -> None:
    path = tmp_path / "a"
    make(path)  # type: ignore[operator]
    with pytest.raises(OSError, match=reason) as caught:
        read_text(path)
    assert caught.value.filename == str(path) or caught.value.filename == path
    assert str(caught.value.strerror)


def test_json_that_is_nested_too_deep_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deep"):
        read_json(path)


def test_nothing_stays_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path, tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(OSError):
            open_file(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
