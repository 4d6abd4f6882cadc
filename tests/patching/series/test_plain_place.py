"""Where the hunks of a plain patch go, and where they must not."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from forkctl.patching.reading.gitdiff import read_diff
from forkctl.patching.series.hunks import lines_of, place
from tests.driver import Upstream, Workspace, entry, git

BODY = """\
    for batch in batches:
        images = load(batch)
        images = load(images)
        images = scale(images)
        show(images)
        keep(images)
        forget(batch)
    return batches
"""
TRAIN = f"def train_images(batches, load, scale, show, keep, forget):\n    step = 0\n{BODY}"
EVAL = f"def eval_images(batches, load, scale, show, keep, forget):\n    step = 1\n{BODY}"
TWO = f"{TRAIN}\n\n{EVAL}"
EDITED = BODY.replace("scale(images)", "scale(images) / 255")


@pytest.mark.parametrize("seed", range(40))
def test_hunks_go_where_git_puts_them(seed: int, tmp_path: Path) -> None:
    """Files of few different lines, so that a hunk fits in several places."""
    chance = random.Random(seed)

    def changed(lines: list[str]) -> list[str]:
        lines = list(lines)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(lines) + 1)
            lines[at : at + chance.randrange(3)] = chance.choices("abc", k=chance.randrange(4))
        return lines

    def text(lines: list[str]) -> bytes:
        return "\n".join([*lines, *([""] if chance.random() < 0.7 else [])]).encode()

    before = chance.choices("abc", k=chance.randrange(8, 30))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/x").write_bytes(text(before))
    (tmp_path / "b/x").write_bytes(text(changed(before)))
    made = ["git", "diff", "--no-index", "--no-prefix", "a/x", "b/x"]
    diff = subprocess.run(made, cwd=tmp_path, capture_output=True).stdout
    for _ in range(4):
        content = text(changed(before))
        (tmp_path / "x").write_bytes(content)
        done = subprocess.run(["git", "apply"], cwd=tmp_path, input=diff, capture_output=True)
        files, _ = read_diff(diff)
        placed = place(files[0].hunks, lines_of(content)) if files else None
        ours = None if placed is None else b"".join(placed.lines)
        assert ours == ((tmp_path / "x").read_bytes() if done.returncode == 0 else None), diff


@pytest.fixture
def patched(workspace: Workspace, upstream: Upstream) -> Workspace:
    """A plain patch that changes `eval_images`, and nothing else."""
    pin = upstream.commit({"code.py": TWO, "notes.txt": "a\nb\nc\nd\ne\n"})
    workspace.write({"patches/thing/.keep": ""})
    workspace.manifest(entry(upstream, pin, series=["thing"]))
    workspace.ok("sync")
    workspace.ok("apply")
    tree = workspace.tree()
    (tree / "code.py").write_text(TWO.replace(EVAL, EVAL.replace(BODY, EDITED)))
    git(tree, "commit", "-qam", "Scale in eval_images")
    workspace.ok("save", "thing")
    return workspace


def bump(workspace: Workspace, upstream: Upstream, **files: str) -> int:
    pin = upstream.commit({f"{name}.{kind}": text for name, (kind, text) in _kinds(files).items()})
    workspace.manifest(entry(upstream, pin, series=["thing"]))
    workspace.ok("sync")
    return workspace.run("apply")


def _kinds(files: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {name: ("txt" if name == "notes" else "py", text) for name, text in files.items()}


@pytest.mark.parametrize(
    "code",
    [
        TRAIN,  # eval_images is gone
        f"{TRAIN}\n\n{EVAL.replace('show(images)', 'print(images)')}",  # or has changed
        f"import os\n\n\n{EVAL.replace('show(', 'print(')}\n\n{TRAIN}",
        f"class Old:\n    x = 1\n{TRAIN}",
    ],
)
def test_a_hunk_does_not_go_into_another_function(
    patched: Workspace, upstream: Upstream, code: str
) -> None:
    assert bump(patched, upstream, code=code) == 1
    assert "train_images" in patched.err and "eval_images" in patched.err
    assert "code.py" in patched.err and "0001-scale-in-eval-images.patch: moved" in patched.err
    assert "commit, and run `forkctl save`" in patched.err
    assert (patched.tree() / "code.py").read_text() == code


@pytest.mark.parametrize(
    "code",
    [
        "import os\n\n\n" + TWO,
        TWO.replace("def eval_images(batches, ", "def eval_images(batches, other, "),
        EVAL,
        f"{EVAL}\n\n{TRAIN}",
    ],
)
def test_a_hunk_follows_its_function(patched: Workspace, upstream: Upstream, code: str) -> None:
    if code.startswith("def eval") and "train" in code:
        # the nearest place is in the other function, and git would take it
        assert bump(patched, upstream, code=code) == 1
        return
    assert bump(patched, upstream, code=code) == 0, patched.err
    head, _, rest = (patched.tree() / "code.py").read_text().rpartition("def eval_images")
    assert "/ 255" in rest and "/ 255" not in head


@pytest.mark.parametrize("by", ["forkctl", "git"])
def test_a_hunk_does_not_go_into_another_method(
    workspace: Workspace, upstream: Upstream, by: str
) -> None:
    def methods(*names: str) -> str:
        made = "".join(f"    def {name}(self, load, batches):\n{_in(BODY)}\n" for name in names)
        return f"class Trainer:\n{made}"

    def _in(body: str) -> str:
        return "        step = 1\n" + "".join(f"    {line}\n" for line in body.splitlines())

    names = "scale = show = keep = forget = print\n\n\n"
    pin = upstream.commit({"code.py": names + methods("train", "validate")})
    workspace.write({"patches/thing/.keep": ""})
    workspace.manifest(entry(upstream, pin, series=["thing"]))
    workspace.ok("sync")
    workspace.ok("apply")
    path = workspace.tree() / "code.py"
    head, name, rest = path.read_text().rpartition("def validate")
    path.write_text(head + name + rest.replace("scale(images)", "scale(images) / 255"))
    git(workspace.tree(), "commit", "-qam", "Scale")
    if by == "git":
        out = str(workspace.root / "patches/thing")
        git(workspace.tree(), "format-patch", "-q", "-1", "-o", out)
        git(workspace.tree(), "reset", "-q", "--hard", pin)
    else:
        workspace.ok("save", "thing")
    assert bump(workspace, upstream, code=names + methods("n", "train", "validate")) == 1
    assert ("in several places" if by == "git" else "in `def train") in workspace.err
    newer = "import os\n" + names + methods("train", "validate")
    assert bump(workspace, upstream, code=newer) == (1 if by == "git" else 0)


def test_a_move_in_a_file_of_another_kind_is_shown(patched: Workspace, upstream: Upstream) -> None:
    (patched.tree() / "notes.txt").write_text("a\nb\nC\nd\ne\n")
    git(patched.tree(), "commit", "-qam", "Note")
    patched.ok("save", "thing")
    moved = "a\nb\nc\nd\ne\n"
    assert bump(patched, upstream, notes="new\n" + moved) == 1, "git holds hunks to the top"
    (patched.root / "patches/thing/0002-note.patch").unlink()
    long = "".join(f"line {number}\n" for number in range(20))
    assert bump(patched, upstream, notes=long) == 0
    (patched.tree() / "notes.txt").write_text(long.replace("line 9\n", "nine\n"))
    git(patched.tree(), "commit", "-qam", "Note")
    patched.ok("save", "thing")
    assert bump(patched, upstream, notes="0\n1\n" + long) == 0
    assert "0002-note.patch changes notes.txt +2 lines from where it says" in patched.out


def test_what_upstream_has_merged_is_already_there(patched: Workspace, upstream: Upstream) -> None:
    merged = TWO.replace(EVAL, EVAL.replace(BODY, EDITED))
    assert bump(patched, upstream, code="import os\n\n\n" + merged) == 0, patched.err
    assert (patched.tree() / "code.py").read_text().count("/ 255") == 1
    assert "1 already" in patched.ok("check")
    # the same change in the other function is not this one
    elsewhere = EVAL.replace("show(", "print(") + "\n\n" + TRAIN.replace(BODY, EDITED)
    assert bump(patched, upstream, code=elsewhere) == 1
