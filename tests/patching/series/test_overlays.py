"""Overlays are plain files inside the fork, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.errors import UsageError
from forkctl.patching.series.inputs import load_overlays


def write(path: Path, text: str = "x = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_overlays_are_sorted_and_know_their_mode(tmp_path: Path) -> None:
    write(tmp_path / "one" / "pkg" / "b.py")
    write(tmp_path / "one" / "pkg" / "a.sh").chmod(0o755)
    write(tmp_path / "two" / "c.py")
    overlays = load_overlays(tmp_path, ["two", "one"])
    assert [(o.series, o.path, o.executable) for o in overlays] == [
        ("two", "c.py", False),
        ("one", "pkg/a.sh", True),
        ("one", "pkg/b.py", False),
    ]
    assert overlays[0].digest == overlays[2].digest != load_overlays(tmp_path, ["one"])[0].content


def test_what_tools_leave_behind_is_not_laid_out(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.py")
    before = load_overlays(tmp_path, ["one"])
    write(tmp_path / "one" / "__pycache__" / "a.cpython-311.pyc")
    write(tmp_path / "one" / ".ruff_cache" / "x")
    write(tmp_path / "one" / "a.py~")
    assert load_overlays(tmp_path, ["one"]) == before


def test_symbolic_links_are_refused_wherever_they_lead(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.py")
    (tmp_path / "one" / "link.py").symlink_to("a.py")
    with pytest.raises(UsageError, match="symbolic links"):
        load_overlays(tmp_path, ["one"])
    (tmp_path / "one" / "link.py").unlink()
    (tmp_path / "one" / "folder").symlink_to("/etc")
    with pytest.raises(UsageError, match="symbolic links"):
        load_overlays(tmp_path, ["one"])


@pytest.mark.parametrize("name", [".git/config", "pkg/.Git/x", "back\\slash", "new\nline"])
def test_hostile_names_are_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "one" / name)
    with pytest.raises(UsageError, match="the path of an overlay"):
        load_overlays(tmp_path, ["one"])


def test_two_overlays_may_not_bring_the_same_file(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.py")
    write(tmp_path / "two" / "a.py")
    with pytest.raises(UsageError, match="in both overlays `one` and `two`"):
        load_overlays(tmp_path, ["one", "two"])


def test_an_overlay_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no overlay `missing`"):
        load_overlays(tmp_path, ["missing"])
