from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "set"
    target.mkdir()
    for task, steps in (("open_it", 5), ("close_it", 8)):
        with h5py.File(target / f"{task}_demo.hdf5", "w") as file:
            file["data/demo_3/actions"] = np.zeros((steps, 7))
    return target


def test_made_once_then_fresh(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "index", str(folder)]) == 0
    assert "2 made, 0 fresh, 0 failed" in capsys.readouterr().out
    assert main(["data", "index", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(Path(item["path"]).name, item["demos"], item["steps"]) for item in found] == [
        ("close_it_demo.hdf5", 1, 8),
        ("open_it_demo.hdf5", 1, 5),
    ]
    assert all(item["fresh"] and item["alignment"] is None for item in found)
    assert main(["data", "index", str(folder), "--rebuild"]) == 0
    assert "2 made, 0 fresh, 0 failed" in capsys.readouterr().out


def test_a_damaged_file_is_named_and_the_others_are_indexed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad_demo.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    assert main(["data", "index", str(folder)]) == 1
    printed = capsys.readouterr()
    assert "2 made, 0 fresh, 1 failed" in printed.out
    assert "bad_demo.hdf5" in printed.err
