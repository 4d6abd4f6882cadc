from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.libero.files.index import FileIndex, index_folder, load_index, save_index
from forkctl.libero.files.indexing import build_index, index_file, index_files
from forkctl.libero.files.reader import DemoFile, open_demo_file
from tests.libero.handmade import make_demo, write_file


def indexed(path: Path) -> FileIndex:
    index = build_index(DemoFile(path))
    save_index(index)
    return index


def test_what_is_loaded_is_what_was_built(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5", numbers=(4, 11))
    index = indexed(path)
    assert load_index(path) == index
    assert list(index.demos) == ["demo_4", "demo_11"]
    assert index.alignment == "raw"
    assert index.steps == 24 + 31


def test_reading_through_an_index_opens_no_hdf5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    indexed(path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the file was opened")

    monkeypatch.setattr(h5py, "File", refuse)
    demo = open_demo_file(path)["demo_1"]
    expected = make_demo(1, 21, raw=True)
    assert demo.pairing().alignment == "raw"
    assert set(demo.obs_keys) == {key[4:] for key in expected if key.startswith("obs/")}
    for key, values in expected.items():
        np.testing.assert_array_equal(demo.array(key), values)


def test_a_changed_file_leaves_its_index_aside(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    indexed(path)
    write_file(path, numbers=(7,))
    assert load_index(path) is None
    assert open_demo_file(path).demo_names == ("demo_7",)


def test_same_size_but_another_time_is_a_change(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    indexed(path)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1000))
    assert load_index(path) is None


def test_a_changed_target_of_a_link_is_a_change(tmp_path: Path) -> None:
    source = write_file(tmp_path / "a_demo.hdf5", numbers=(0,))
    merged = tmp_path / "merged_demo.hdf5"
    with h5py.File(merged, "w") as file:
        file["data/demo_0"] = h5py.ExternalLink(source.name, "data/demo_0")
    indexed(merged)
    assert load_index(merged) is not None
    write_file(source, numbers=(0,), length=40)
    assert load_index(merged) is None
    assert open_demo_file(merged)["demo_0"].length == 40


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 0}', b"[]", b"\xff\xfe"])
def test_a_damaged_index_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    save_index(build_index(DemoFile(path))).write_bytes(content)
    assert load_index(path) is None
    assert len(open_demo_file(path)) == 2


def test_a_damaged_file_does_not_stop_the_others(tmp_path: Path) -> None:
    good = [write_file(tmp_path / f"{name}_demo.hdf5") for name in "ac"]
    bad = tmp_path / "b_demo.hdf5"
    bad.write_bytes(good[0].read_bytes()[:5000])
    outcome = list(index_files([good[0], bad, good[1]], jobs=2))
    assert [item.path for item in outcome] == [good[0], bad, good[1]]
    assert [item.index is not None for item in outcome] == [True, False, True]
    assert str(bad) in str(outcome[1].error)
    assert index_file(good[0]).fresh
    assert not index_file(good[0], rebuild=True).fresh


def test_the_cache_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORKCTL_CACHE", str(tmp_path / "elsewhere"))
    assert index_folder() == tmp_path / "elsewhere" / "index"
    monkeypatch.delenv("FORKCTL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert index_folder() == tmp_path / "xdg" / "forkctl" / "index"
