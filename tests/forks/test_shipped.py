"""`forkctl init`: a workspace with the shipped forks, and nothing of a person's overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.shipped import SHIPPED, start_workspace
from tests import ROOT
from tests.driver import Workspace


def shipped_files() -> dict[str, bytes]:
    """What the repository has, found without the code under test."""
    found = {}
    for name in ("forks.toml", "forks.lock", "patches", "overlays", "configs"):
        for path in (ROOT / name, *(ROOT / name).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found[str(path.relative_to(ROOT))] = path.read_bytes()
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_everything_shipped_arrives_and_is_a_workspace(workspace: Workspace) -> None:
    workspace.ok("init")
    arrived = contents(workspace.root)
    assert "/forks/" in arrived.pop(".gitignore").decode()
    assert arrived == shipped_files()
    assert "not synced" in workspace.ok("status")


def test_without_a_workspace_the_next_step_is_init(workspace: Workspace) -> None:
    assert workspace.run("status") == 2
    assert "no forks.toml here or in a folder above" in workspace.err
    assert "`forkctl init`" in workspace.err


def test_a_named_folder_is_made_and_named_in_the_next_step(workspace: Workspace) -> None:
    assert "cd lab/forks-here && forkctl sync" in workspace.ok("init", "lab/forks-here")
    assert (workspace.root / "lab/forks-here/forks.toml").is_file()


def test_again_changes_nothing(workspace: Workspace) -> None:
    workspace.ok("init")
    before = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")}
    assert "already" in workspace.ok("init")
    assert {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")} == before


def test_a_file_of_the_persons_stops_it_before_anything_is_written(tmp_path: Path) -> None:
    mine = {"forks.toml": b"version = 1\n", "patches/robomimic/0001-config-keys.yaml": b"mine"}
    for name, content in mine.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ForkctlError, match="in the way") as caught:
        start_workspace(tmp_path)
    assert all(name in caught.value.message for name in mine)
    assert contents(tmp_path) == mine


@pytest.mark.parametrize("name", ["patches", "overlays/robomimic"])
def test_a_file_in_the_place_of_a_folder_is_in_the_way(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a note\n")
    with pytest.raises(ForkctlError, match="in the way"):
        start_workspace(tmp_path)
    assert contents(tmp_path) == {name: b"a note\n"}


def test_the_persons_gitignore_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.mp4\n")
    start_workspace(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "*.mp4\n"


def test_interrupted_it_is_no_workspace_yet_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forkctl.forks import shipped

    real, written = shipped.write_atomically, []

    def interrupted(path: Path, content: bytes) -> None:
        if len(written) == 7:
            raise KeyboardInterrupt
        written.append(path)
        real(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(shipped, "write_atomically", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start_workspace(tmp_path)
    assert not (tmp_path / "forks.toml").exists()
    started = start_workspace(tmp_path)
    assert len(started.kept) == 6  # .gitignore is not looked at again
    assert set(shipped_files()) <= set(contents(tmp_path))


def test_the_manifest_comes_last() -> None:
    assert SHIPPED[-1] == "forks.toml"
