from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.processes import Children
from forkctl.patching.model import PlainPatch
from forkctl.patching.series.plain_apply import plain_applier

TEN = "".join(f"line {n}\n" for n in range(10))


class OneFile:
    """A pristine tree of one file."""

    def __init__(self, content: str) -> None:
        self.content = content.encode()

    def read(self, path: str) -> bytes | None:
        return self.content if path == "a.txt" else None


def patch(before: str, after: str, tmp_path: Path) -> PlainPatch:
    for name, content in (("a", before), ("b", after)):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "a.txt").write_text(content)
    done = subprocess.run(
        ["git", "diff", "--no-index", "--full-index", "--no-prefix", "a/a.txt", "b/a.txt"],
        cwd=tmp_path,
        capture_output=True,
    )
    return PlainPatch(
        name="0001-x.patch", series="s", path=tmp_path / "0001-x.patch", digest="", subject="x",
        why="", author=None, diff=done.stdout, files=("a.txt",),
    )  # fmt: skip


def applied(pristine: str, made: PlainPatch, current: Mapping[str, bytes | None]) -> str:
    result = plain_applier(Children(), OneFile(pristine))(made, current)  # type: ignore[arg-type]
    content = result["a.txt"]
    assert content is not None
    return content.decode()


def test_on_the_pristine_text_and_on_what_came_before(tmp_path: Path) -> None:
    made = patch(TEN, TEN.replace("line 8", "eight"), tmp_path)
    assert applied(TEN, made, {}) == TEN.replace("line 8", "eight")
    before = TEN.replace("line 1", "one")
    assert applied(TEN, made, {"a.txt": before.encode()}) == before.replace("line 8", "eight")


def test_a_neighbour_changed_by_an_earlier_patch_is_merged(tmp_path: Path) -> None:
    """`git apply` alone refuses this: the context differs. The base for a merge is at hand."""
    made = patch(TEN, TEN.replace("line 8", "eight"), tmp_path)
    before = TEN.replace("line 5", "five")
    assert applied(TEN, made, {"a.txt": before.encode()}) == before.replace("line 8", "eight")


def test_the_same_lines_changed_twice_are_refused(tmp_path: Path) -> None:
    made = patch(TEN, TEN.replace("line 8", "eight"), tmp_path)
    with pytest.raises(ForkctlError, match="does not apply") as refused:
        applied(TEN, made, {"a.txt": TEN.replace("line 8", "VIII").encode()})
    assert refused.value.where == str(made.path)


def test_objects_lying_about_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the patch's own base somewhere in a store, git would merge; elsewhere it could not."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "store"], check=True)
    drifted = TEN.replace("line 7", "seven")
    made = patch(TEN, TEN.replace("line 8", "eight"), tmp_path)
    subprocess.run(
        ["git", "-C", tmp_path / "store", "hash-object", "-w", tmp_path / "a/a.txt"], check=True
    )
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(tmp_path / "store/objects"))
    with pytest.raises(ForkctlError, match="does not apply"):
        applied(drifted, made, {})


def test_a_deleted_file_stays_deleted(tmp_path: Path) -> None:
    made = patch(TEN, TEN.replace("line 8", "eight"), tmp_path)
    with pytest.raises(ForkctlError, match="does not apply"):
        applied(TEN, made, {"a.txt": None})
