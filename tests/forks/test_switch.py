"""What a user does while a tree moves, and what a kill in the middle of it leaves."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.forks import switch
from forkctl.forks.state import INDEX_LOCK_TEXT
from tests.driver import Upstream, Workspace, entry, git

pytestmark = pytest.mark.slow

PATCH = "subject: Two\nwhy: For luck.\nfiles:\n  - file: b.py\n    edits:\n      - id: it\n"


@pytest.fixture
def moving(workspace: Workspace, upstream: Upstream) -> Workspace:
    """A fork that an apply will change in two files."""
    workspace.pin = upstream.commit({"a.py": "A = 1\n", "b.py": "B = 1\n", "c.py": "C = 1\n"})
    workspace.write(
        {
            "patches/thing/0001-two.yaml": PATCH
            + "        match: B = 1\n        insert_after: BB = 1\n",
            "overlays/thing/ours.py": "OURS = 1\n",
        }
    )
    workspace.manifest(entry(upstream, workspace.pin, series=["thing"], overlays=["thing"]))
    workspace.ok("sync")
    return workspace


@pytest.fixture
def when(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """`when("_stage", work)`: the user does `work`, once, right before this step of a switch."""

    def arrange(step: str, work: Callable[[], object]) -> None:
        real, done = getattr(switch, step), []

        def disturbed(*words: object, **more: object) -> object:
            if not done:
                done.append(True)
                work()
            return real(*words, **more)

        monkeypatch.setattr(switch, step, disturbed)

    return arrange


def edit(tree: Path) -> None:
    (tree / "b.py").write_text("mine\n")


def edit_what_only_the_new_state_has(tree: Path) -> None:
    (tree / "ours.py").write_text("mine\n")


def test_a_file_system_without_hard_links_will_do(
    moving: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As exFAT answers. What is left of the lock is known as ours."""

    def refuse(*words: object, **more: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    def kill(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", refuse)
    with monkeypatch.context() as killed:
        killed.setattr(switch, "_move_files", kill)
        assert moving.run("apply") == 130
    assert (moving.tree() / ".git/index.lock").exists()
    moving.ok("apply")
    assert (moving.tree() / "ours.py").exists()
    assert not (moving.tree() / ".git/index.lock").exists()
    (moving.tree() / ".git/index.lock").touch()  # the user's own git
    moving.write({"overlays/thing/ours.py": "OURS = 2\n"})
    assert moving.run("apply") == 1
    assert "another git process" in moving.err


@pytest.mark.parametrize("step", ["_write_index", "_stage", "hold_index", "_move_files"])
@pytest.mark.parametrize("work", [edit, edit_what_only_the_new_state_has])
def test_an_edit_made_while_the_tree_moves_is_kept(
    moving: Workspace,
    when: Callable[[str, Callable[[], object]], None],
    step: str,
    work: Callable[[Path], None],
) -> None:
    when(step, lambda: work(moving.tree()))
    assert moving.run("apply") == 1
    changed = "b.py" if work is edit else "ours.py"
    assert (moving.tree() / changed).read_text() == "mine\n"
    assert changed in moving.err and "hint" in moving.err
    (moving.tree() / changed).rename(moving.root / "aside")  # as the hints say
    if step != "_move_files" and work is edit:
        git(moving.tree(), "checkout", "-q", "b.py")
    moving.ok("apply")
    assert git(moving.tree(), "status", "--porcelain") == ""
    assert (moving.tree() / "b.py").read_text() == "B = 1\nBB = 1\n"


def commit(tree: Path) -> str:
    (tree / "c.py").write_text("MINE = 1\n")
    git(tree, "commit", "-qam", "Mine")
    return git(tree, "rev-parse", "HEAD")


@pytest.mark.parametrize("step", ["_write_index", "_stage", "hold_index"])
def test_a_commit_made_while_the_tree_moves_stays_on_its_branch(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None], step: str
) -> None:
    made: list[str] = []
    when(step, lambda: made.append(commit(moving.tree())))
    assert moving.run("apply") == 1
    assert "commits of yours" in moving.err
    assert moving.head() == made[0]
    assert git(moving.tree(), "status", "--porcelain") == ""


def test_git_itself_is_kept_from_committing_while_files_move(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None]
) -> None:
    refused: list[int] = []

    def commit_anyway() -> None:
        words = ["git", "-C", str(moving.tree()), "commit", "-q", "--allow-empty", "-m", "Mine"]
        refused.append(subprocess.run(words, capture_output=True).returncode)

    when("_move_files", commit_anyway)
    moving.ok("apply")
    assert refused == [128]


def test_a_branch_that_is_moved_without_gits_lock_is_not_moved_back(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None]
) -> None:
    def plumb() -> str:
        tree = moving.tree()
        made = git(tree, "commit-tree", "-m", "Mine", "-p", "HEAD", "HEAD^{tree}")
        git(tree, "update-ref", "refs/heads/forkctl", made)
        return made

    made: list[str] = []
    when("_move_branch", lambda: made.append(plumb()))
    assert moving.run("apply") == 1
    assert moving.head() == made[0]
    assert moving.run("apply") == 1
    assert "git branch mine" in moving.err and "git reset --soft" in moving.err
    git(moving.tree(), "branch", "mine")
    git(moving.tree(), "reset", "--soft", moving.pin)
    moving.ok("apply")
    assert git(moving.tree(), "rev-parse", "mine") == made[0]
    assert git(moving.tree(), "status", "--porcelain") == ""


def test_a_commit_made_while_save_works_is_not_dropped(
    moving: Workspace, when: Callable[[str, Callable[[], object]], None]
) -> None:
    moving.ok("apply")
    (moving.tree() / "a.py").write_text("A = 2\n")
    git(moving.tree(), "commit", "-qam", "First")
    second: list[str] = []
    when("_stage", lambda: second.append(commit(moving.tree())))
    assert moving.run("save", "thing") == 1
    assert moving.head() == second[0]
    moving.ok("save", "thing")
    assert (moving.tree() / "c.py").read_text() == "MINE = 1\n"
    names = sorted(path.name for path in (moving.root / "patches/thing").iterdir())
    assert names == ["0001-two.yaml", "0002-first.patch", "0003-mine.patch"]


def interrupted_at(
    limit: int, tree: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[[], int]
) -> bool:
    """Whether `run` came to this many changes in the tree: it was stopped right before that one."""
    count = 0
    with monkeypatch.context() as patched:
        for real in (REPLACE, Path.unlink, Path.rmdir, Path.mkdir):

            def counting(
                path: Path, *words: object, _real: Callable[..., object] = real, **more: object
            ) -> object:
                nonlocal count
                moved = Path(str(words[0])) if words and _real is REPLACE else path
                inside = tree in moved.parents and ".git" not in moved.parts
                count += inside
                if inside and count == limit:
                    raise KeyboardInterrupt
                return _real(path, *words, **more)

            patched.setattr(Path, real.__name__, counting)
        return run() == 130


REPLACE = Path.replace
LINK = Path("kept")
FOLDER = {"turns/a": "A\n", "turns/deep/b": "B\n"}
SHAPES: dict[str, dict[str, str | Path]] = {
    "file": {"turns": "file\n"},
    "folder": {**FOLDER},
    "link": {"turns": LINK},
    "nothing": {},
}


def shape(upstream: Upstream, name: str) -> str:
    """A commit of upstream in which `turns` is this."""
    upstream.git("rm", "-rqf", "--ignore-unmatch", "turns")
    kept = {
        "kept/a": "precious\n",
        "kept/deep/b": "precious\n",
        **dict.fromkeys(("a.py", "z.py"), f"x = {name!r}\n"),
    }
    if name == "submodule":
        upstream.commit(kept)
        head = upstream.git("rev-parse", "HEAD")
        upstream.git("update-index", "--add", "--cacheinfo", f"160000,{head},turns")
        upstream.git("commit", "-qm", "Add a submodule")
        return upstream.git("rev-parse", "HEAD")
    if name == "link":
        (upstream.path / "turns").symlink_to(LINK)
        return upstream.commit(kept)
    return upstream.commit({**kept, **SHAPES[name]})  # type: ignore[dict-item]


SUBMODULES = [f"{kind} submodule" for kind in SHAPES] + [f"submodule {kind}" for kind in SHAPES]
TURNS = ["file folder", "folder file", "link folder", "folder link", *SUBMODULES]


@pytest.mark.parametrize("turn", TURNS)
def test_a_path_turns_into_another_kind_and_every_interruption_is_recovered_from(
    workspace: Workspace,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
    turn: str,
) -> None:
    pins = [shape(upstream, name) for name in turn.split()]
    tree, before, step, stopped = workspace.tree(), workspace.root / "before", 0, True
    workspace.manifest(entry(upstream, pins[0]))
    workspace.ok("sync")
    tree.rename(before)
    workspace.manifest(entry(upstream, pins[1]))
    while stopped:
        step += 1
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(before, tree, symlinks=True)
        stopped = interrupted_at(step, tree, monkeypatch, lambda: workspace.run("sync"))
        workspace.ok("sync")
        assert workspace.head() == pins[1]
        assert git(tree, "status", "--porcelain", "--ignored") == "", f"stopped at step {step}"
        assert (tree / "kept/a").read_text() == (tree / "kept/deep/b").read_text() == "precious\n"
    assert step > 2


@pytest.mark.parametrize("after", [*SHAPES])
def test_work_in_a_submodule_is_in_the_way_of_a_pin_without_it(
    workspace: Workspace, upstream: Upstream, after: str
) -> None:
    pins = [shape(upstream, "submodule"), shape(upstream, after)]
    workspace.manifest(entry(upstream, pins[0]))
    workspace.ok("sync")
    (workspace.tree() / "turns/mine").write_text("weeks of work")
    workspace.manifest(entry(upstream, pins[1]))
    assert workspace.run("sync") == 1
    assert "turns" in workspace.err
    assert (workspace.tree() / "turns/mine").read_text() == "weeks of work"
    (workspace.tree() / "turns").rename(workspace.root / "aside")
    workspace.ok("sync")
    assert git(workspace.tree(), "status", "--porcelain") == ""


def test_a_submodule_leaves_and_enters_the_sparse_folders(
    workspace: Workspace, upstream: Upstream
) -> None:
    head = upstream.commit({"src/a": "a\n", "docs/b": "b\n"})
    upstream.git("update-index", "--add", "--cacheinfo", f"160000,{head},docs/lib")
    upstream.git("commit", "-qm", "Add a submodule")
    pin = upstream.git("rev-parse", "HEAD")
    for sparse in (["src"], None, ["src"], ["docs"]):
        workspace.manifest(entry(upstream, pin, sparse=sparse))
        workspace.ok("sync")
        assert git(workspace.tree(), "status", "--porcelain") == ""
        assert (workspace.tree() / "docs/lib").is_dir() is (sparse != ["src"])


TEXT = b"one\ntwo\n"
CRLF = b"one\r\ntwo\r\n"
ATTRIBUTES = [
    "",
    "*.txt text eol=crlf\n",
    "*.txt text\n",
    "*.txt text=auto ident\n",
    "*.txt filter=mine\n",
    "*.txt working-tree-encoding=UTF-16\n",
    "*.txt crlf\n",
]


@pytest.mark.parametrize("before", ATTRIBUTES)
def test_files_have_the_bytes_that_git_stores_whatever_their_attributes(
    workspace: Workspace,
    upstream: Upstream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
) -> None:
    config = tmp_path / "gitconfig"
    config.write_text('[filter "mine"]\nclean = rev\nsmudge = rev\n[core]\nautocrlf = true\n')
    stored = {"unix.txt": TEXT, "dos.txt": CRLF, "id.txt": b"$Id$\n"}
    upstream.commit(stored)
    pins = []
    for attributes in (before, "*.txt text eol=crlf\n", ""):
        (upstream.path / ".gitattributes").write_text(attributes)
        upstream.git("add", ".gitattributes")
        upstream.git("commit", "-q", "--allow-empty", "-m", "Attributes")
        pins.append(upstream.git("rev-parse", "HEAD"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    tree = workspace.tree()
    for pin in (*pins, pins[0]):
        workspace.manifest(entry(upstream, pin))
        workspace.ok("sync")
        for name, content in stored.items():
            assert (tree / name).read_bytes() == content
            (tree / name).touch()  # so that git compares the content again
        assert git(tree, "status", "--porcelain") == ""
    workspace.ok("clean", "thing")


@pytest.fixture
def older(workspace: Workspace, upstream: Upstream) -> Workspace:
    """A tree as it was laid out before forkctl turned attributes off."""
    stored = {f"{n}/unix.txt": TEXT for n in range(3)} | {"dos.txt": CRLF, "mine.txt": TEXT}
    upstream.commit({**stored, "tool.txt": TEXT, "plain.py": "A = 1\n"})
    (upstream.path / ".gitattributes").write_text("*.txt text eol=crlf\n")
    upstream.git("add", ".gitattributes")
    upstream.git("commit", "-qm", "Attributes")
    pin = upstream.git("rev-parse", "HEAD")
    workspace.manifest(entry(upstream, pin))
    workspace.ok("sync")
    workspace.ok("apply")
    tree = workspace.tree()
    (tree / ".git/info/attributes").unlink()
    for path in tree.rglob("*.txt"):
        path.unlink()
    git(tree, "checkout", "--", ".")
    assert (tree / "tool.txt").read_bytes() == CRLF
    return workspace


def as_stored(tree: Path) -> bool:
    unix = ("0/unix.txt", "1/unix.txt", "2/unix.txt", "tool.txt")
    return all((tree / name).read_bytes() == TEXT for name in unix)


@pytest.mark.parametrize("command", ["sync", "apply"])
def test_an_older_tree_is_brought_to_the_bytes_that_git_stores(
    older: Workspace, upstream: Upstream, command: str
) -> None:
    tree = older.tree()
    (tree / "tool.txt").chmod(0o600)
    (tree / "mine.txt").write_bytes(b"mine\r\n")
    (tree / "plain.py").write_text("A = 2\n")
    older.ok(command)
    assert as_stored(tree) and (tree / "dos.txt").read_bytes() == CRLF
    assert (tree / "tool.txt").stat().st_mode & 0o777 == 0o600
    assert git(tree, "status", "--porcelain").split() == ["M", "mine.txt", "M", "plain.py"]
    assert (tree / "mine.txt").read_bytes() == b"mine\r\n"
    git(tree, "checkout", "--", ".")
    older.manifest(entry(upstream, upstream.commit({"new": "x\n"})))
    older.ok("sync")


def test_an_older_tree_that_is_killed_on_its_way_is_finished(
    older: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, before, step, stopped = older.tree(), older.root / "before", 0, True
    tree.rename(before)
    while stopped:
        step += 1
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(before, tree)
        stopped = interrupted_at(step, tree, monkeypatch, lambda: older.run("sync"))
        if stopped:
            (tree / ".git/index.lock").write_bytes(INDEX_LOCK_TEXT)
        older.ok("sync")
        assert as_stored(tree), step
        assert git(tree, "status", "--porcelain") == ""
    assert step > 4
