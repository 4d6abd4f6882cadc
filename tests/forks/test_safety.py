"""Nothing that a person made is lost, whatever is in the way. Each test is a case that other fork
managers get wrong, or a line of what forkctl promises."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from forkctl.forks.cache import git_dir_for
from tests.conftest import skip_loudly
from tests.driver import Upstream, Workspace, entry, git, write_files

OVERLAY = {"overlays/ours/extra.py": "EXTRA = 1\n"}


@pytest.fixture
def workspace(workspace: Workspace, upstream: Upstream) -> Workspace:
    """A fork with an overlay applied, and a newer pin declared: every command would move it."""
    old = upstream.commit({"code.py": "a = 1\n", "kept.txt": "kept\n", ".gitignore": "*.ckpt\n"})
    workspace.pin = upstream.commit({"code.py": "a = 2\n", "added.txt": "added\n"})
    workspace.write(OVERLAY)
    workspace.manifest(entry(upstream, old, overlays=["ours"]))
    workspace.ok("sync")
    workspace.ok("apply")
    workspace.manifest(entry(upstream, workspace.pin, overlays=["ours"]))
    return workspace


def snapshot(tree: Path) -> dict[str, bytes | str]:
    """Every file and link with its content, git's own and ours aside."""
    found: dict[str, bytes | str] = {}
    for folder, names, files in os.walk(tree):
        if ".git" in names:
            names.remove(".git")
        for name in (
            *(n for n in files if n != ".forkctl.lock"),
            *(n for n in names if (Path(folder) / n).is_symlink()),
        ):
            path = Path(folder) / name
            found[str(path.relative_to(tree))] = (
                str(path.readlink()) if path.is_symlink() else path.read_bytes()
            )
    return found


def index_of(tree: Path) -> str:
    return git(tree, "ls-files", "--stage")


def edit(tree: Path) -> None:
    (tree / "code.py").write_text("mine\n")


def stage_only(tree: Path) -> None:
    (tree / "code.py").write_text("mine\n")
    git(tree, "add", "code.py")
    (tree / "code.py").write_text("a = 1\n")


def add_untracked(tree: Path) -> None:
    (tree / "key.pem").write_text("secret")


def add_untracked_where_the_new_pin_has_a_file(tree: Path) -> None:
    (tree / "added.txt").write_text("mine")


def delete(tree: Path) -> None:
    (tree / "kept.txt").unlink()


def commit(tree: Path) -> None:
    (tree / "code.py").write_text("mine\n")
    git(tree, "commit", "-qam", "Mine")


def commit_on_a_branch(tree: Path) -> None:
    git(tree, "switch", "-qc", "mine")
    commit(tree)


def detach(tree: Path) -> None:
    git(tree, "checkout", "-q", "--detach")
    commit(tree)


def rewrite(tree: Path) -> None:
    git(tree, "commit", "-q", "--amend", "-m", "Mine")


def resolve_a_merge(tree: Path) -> None:
    (tree / ".git/MERGE_HEAD").write_text(git(tree, "rev-parse", "HEAD~1") + "\n")


def hide_a_change(tree: Path) -> None:
    """A change that `git status` was told not to see."""
    git(tree, "update-index", "--assume-unchanged", "code.py")
    (tree / "code.py").write_text("mine\n")


def ignore_a_file_in_the_way(tree: Path) -> None:
    (tree / ".git/info/exclude").write_text("added.txt\n")
    (tree / "added.txt").write_text("mine")


def ignore_a_folder_in_the_way(tree: Path) -> None:
    (tree / ".git/info/exclude").write_text("added.txt\n")
    (tree / "added.txt").mkdir()
    (tree / "added.txt" / "inside").write_text("mine")


def replace_a_file_by_a_link(tree: Path) -> None:
    (tree / "code.py").unlink()
    (tree / "code.py").symlink_to("kept.txt")


WORK = [
    edit, stage_only, add_untracked, add_untracked_where_the_new_pin_has_a_file, delete, commit,
    commit_on_a_branch, detach, rewrite, resolve_a_merge, hide_a_change,
    ignore_a_file_in_the_way, ignore_a_folder_in_the_way, replace_a_file_by_a_link,
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "work"),
    [(command, work) for command in ("sync", "apply", "clean") for work in WORK
     if (command, work) != ("apply", hide_a_change)],  # apply does not change that file
)  # fmt: skip
def test_work_in_the_tree_is_never_touched(
    workspace: Workspace, upstream: Upstream, work: Callable[[Path], None], command: str
) -> None:
    if command == "apply":  # the pin stays, and an overlay brings added.txt and changes code
        workspace.manifest(
            entry(upstream, git(workspace.tree(), "rev-parse", "HEAD~1"), overlays=["ours"])
        )
        workspace.write(
            {"overlays/ours/added.txt": "added\n", "overlays/ours/extra.py": "EXTRA = 2\n"}
        )
    work(workspace.tree())
    before = (snapshot(workspace.tree()), index_of(workspace.tree()), workspace.head())
    code = workspace.run(command, "thing")
    assert (snapshot(workspace.tree()), index_of(workspace.tree()), workspace.head()) == before
    assert code == 1, workspace.out
    assert "hint" in workspace.err and "Traceback" not in workspace.err
    code = workspace.run(command, "thing")
    assert code == 1, "a second try is as careful as the first"
    assert (snapshot(workspace.tree()), index_of(workspace.tree()), workspace.head()) == before


def test_branches_stashes_and_ignored_files_stay_when_the_tree_moves(
    workspace: Workspace, upstream: Upstream
) -> None:
    tree = workspace.tree()
    edit(tree)
    git(tree, "stash", "-q")
    git(tree, "branch", "mine")
    (tree / "model.ckpt").write_text("weeks of work")
    stash = git(tree, "rev-parse", "stash")
    workspace.ok("sync")
    workspace.ok("apply")
    assert git(tree, "rev-parse", "stash") == stash
    assert git(tree, "rev-parse", "--verify", "mine")
    assert (tree / "model.ckpt").read_text() == "weeks of work"
    assert workspace.run("clean", "thing") == 1
    assert "refs/stash" in workspace.err and "model.ckpt" in workspace.err
    assert (tree / "model.ckpt").exists()


def test_clean_removes_what_only_forkctl_made(workspace: Workspace) -> None:
    (workspace.tree() / "__pycache__").mkdir()
    (workspace.tree() / "__pycache__" / "code.cpython-311.pyc").write_bytes(b"x")
    workspace.ok("clean", "thing")
    assert not workspace.tree().exists()
    assert "not laid out" in workspace.ok("clean", "thing")
    workspace.ok("sync")
    assert workspace.head() == workspace.pin


def foreign_repository(place: Path) -> None:
    place.mkdir(parents=True)
    git(place, "init", "-q")
    write_files(place, {"theirs": "x"})
    git(place, "add", "-A")
    git(place, "commit", "-qm", "Theirs")


def plain_folder(place: Path) -> None:
    write_files(place, {"theirs": "x"})


def plain_file(place: Path) -> None:
    write_files(place.parent, {place.name: "x"})


def linked_worktree(place: Path) -> None:
    home = place.parents[1] / "home of theirs"
    foreign_repository(home)
    git(home, "worktree", "add", "-q", str(place))


def symbolic_link(place: Path) -> None:
    elsewhere = place.parents[1] / "elsewhere"
    plain_folder(elsewhere)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(elsewhere)


def symbolic_link_above(place: Path) -> None:
    elsewhere = place.parents[1] / "elsewhere"
    elsewhere.mkdir()
    place.parent.symlink_to(elsewhere)


IN_THE_WAY = [
    foreign_repository, plain_folder, plain_file, linked_worktree, symbolic_link,
    symbolic_link_above,
]  # fmt: skip


@pytest.mark.parametrize("occupy", IN_THE_WAY)
@pytest.mark.parametrize("command", ["sync", "apply", "clean"])
def test_what_forkctl_did_not_make_is_left_alone(
    workspace: Workspace, upstream: Upstream, occupy: Callable[[Path], None], command: str
) -> None:
    place = workspace.root / "second" / "forks" / "thing"
    other = workspace.beside("workspace/second")
    other.manifest(entry(upstream, workspace.pin))
    occupy(place)
    before = snapshot(other.root)
    assert other.run(command, "thing") in (0, 1) if command == "clean" else other.run(command) == 1
    assert snapshot(other.root) == before
    assert "Traceback" not in other.err


def test_a_workspace_inside_of_a_repository_leaves_that_one_alone(
    workspace: Workspace, upstream: Upstream
) -> None:
    git(workspace.root, "init", "-q")
    git(workspace.root, "remote", "add", "origin", "https://example.org/mine")
    git(workspace.root, "add", "overlays")
    git(workspace.root, "commit", "-qm", "Mine")
    before = (git(workspace.root, "for-each-ref"), (workspace.root / ".git/config").read_bytes())
    workspace.ok("sync")
    workspace.ok("apply")
    (workspace.tree() / ".git").rename(workspace.root / "moved")  # now git would find the parent
    assert (
        workspace.run("sync") == 1
        and workspace.run("apply") == 1
        and workspace.run("clean", "thing") == 1
    )
    assert (
        git(workspace.root, "for-each-ref"),
        (workspace.root / ".git/config").read_bytes(),
    ) == before
    assert (workspace.tree() / "code.py").exists()


@pytest.mark.parametrize(
    "path", ["../out.py", "/tmp/out.py", ".git/hooks/post-checkout", "a/../../out", ".GIT/config"]
)
def test_plain_patches_stay_in_the_tree(
    workspace: Workspace, upstream: Upstream, path: str
) -> None:
    workspace.write(
        {
            "patches/bad/0001-out.patch": "From 0 Mon Sep 17 00:00:00 2001\nFrom: E <e@x.org>\n"
            "Date: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: [PATCH] Out\n\n---\n"
            f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
            "@@ -0,0 +1 @@\n+x\n"
        }
    )
    workspace.ok("sync")
    workspace.manifest(entry(upstream, workspace.pin, series=["bad"]))
    before = snapshot(workspace.root.parent)
    assert workspace.run("apply") in (1, 2)
    assert snapshot(workspace.root.parent) == before
    assert not Path("/tmp/out.py").exists()


@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_plain_patches_make_no_links(workspace: Workspace, upstream: Upstream, mode: str) -> None:
    workspace.write(
        {
            "patches/bad/0001-link.patch": "From 0 Mon Sep 17 00:00:00 2001\nFrom: E <e@x.org>\n"
            "Date: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: [PATCH] Link\n\n---\n"
            f"diff --git a/link b/link\nnew file mode {mode}\n--- /dev/null\n+++ b/link\n"
            "@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
        }
    )
    workspace.ok("sync")
    workspace.manifest(entry(upstream, workspace.pin, series=["bad"]))
    assert workspace.run("apply") in (1, 2)
    assert not os.path.lexists(workspace.tree() / "link")


def link_to_a_secret(root: Path) -> None:
    (root / "overlays/ours/extra.py").unlink()
    (root / "overlays/ours/extra.py").symlink_to("/etc/passwd")


def folder_outside(root: Path) -> None:
    (root.parent / "outside").mkdir()
    (root.parent / "outside/x.py").write_text("x = 1\n")
    (root / "overlays/ours/extra.py").unlink()
    (root / "overlays/ours").rmdir()
    (root / "overlays/ours").symlink_to(root.parent / "outside")


def git_folder(root: Path) -> None:
    write_files(root, {"overlays/ours/.git/config": "[core]\n"})


@pytest.mark.parametrize("spoil", [link_to_a_secret, folder_outside, git_folder])
def test_overlays_stay_in_the_workspace_and_the_tree(
    workspace: Workspace, spoil: Callable[[Path], None]
) -> None:
    workspace.ok("sync")
    spoil(workspace.root)
    before = snapshot(workspace.tree())
    config = (workspace.tree() / ".git/config").read_bytes()
    assert workspace.run("apply") in (1, 2)
    assert "overlays" in workspace.err and "Traceback" not in workspace.err
    assert snapshot(workspace.tree()) == before
    assert (workspace.tree() / ".git/config").read_bytes() == config


def test_hostile_overlay_names_are_refused(workspace: Workspace) -> None:
    workspace.ok("sync")
    workspace.write({"overlays/ours/new\nline.py": "x = 1\n"})
    assert workspace.run("apply") in (1, 2)
    assert "control character" in workspace.err


def test_strange_but_harmless_overlay_names_are_taken(workspace: Workspace) -> None:
    names = ["-rf", "a b", 'quo"te', "ünï", "deep/er/-x"]
    workspace.write({f"overlays/ours/{name}": "x\n" for name in names})
    workspace.ok("sync")
    workspace.ok("apply")
    assert all((workspace.tree() / name).read_text() == "x\n" for name in names)
    assert git(workspace.tree(), "status", "--porcelain") == ""


def test_a_git_process_of_the_person_is_not_disturbed(workspace: Workspace) -> None:
    lock = workspace.tree() / ".git" / "index.lock"
    lock.write_bytes(b"")
    before = snapshot(workspace.tree())
    assert workspace.run("sync") == 1
    assert "another git process" in workspace.err
    assert snapshot(workspace.tree()) == before and lock.read_bytes() == b""
    lock.unlink()
    workspace.ok("sync")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        skip_loudly("cannot mount a small tmpfs here (needs root)")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("room", [0, 4, 12, 40, 100, 200])
def test_a_full_disk_leaves_the_old_state_and_a_rerun_finishes(
    small_disk: Path, upstream: Upstream, room: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """`room` KiB are left when the tree is to move; wherever that ends, nothing is half."""
    noise = os.urandom(1 << 15).hex()
    first = upstream.commit({"a.txt": "a\n", "b.txt": noise})
    second = upstream.commit({"a.txt": "A\n", "b.txt": noise[::-1], "c.txt": "c\n"})
    workspace = Workspace(small_disk, capsys)
    workspace.write(OVERLAY)
    workspace.manifest(entry(upstream, first, overlays=["ours"]))
    workspace.ok("sync")
    workspace.ok("apply")
    workspace.manifest(entry(upstream, second, overlays=["ours"]))
    free = os.statvfs(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * max(0, free.f_bavail * free.f_bsize - room * 1024))
    workspace.run("sync")
    assert "Traceback" not in workspace.err and "forkctl failed" not in workspace.err
    for name, contents in {
        "a.txt": ("a\n", "A\n"), "b.txt": (noise, noise[::-1]), "extra.py": ("EXTRA = 1\n", None),
    }.items():  # fmt: skip
        path = workspace.tree() / name
        assert (path.read_text() if path.exists() else None) in contents, "old or new, never a part"
    filler.unlink()
    workspace.ok("sync")
    workspace.ok("apply")
    assert git(workspace.tree(), "rev-parse", "HEAD~1") == second
    assert git(workspace.tree(), "status", "--porcelain") == ""
    git(workspace.tree(), "fsck")


def test_a_full_disk_on_the_first_sync(
    small_disk: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    pin = upstream.commit({"b.txt": os.urandom(1 << 15).hex()})
    workspace = Workspace(small_disk, capsys)
    workspace.manifest(entry(upstream, pin))
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * ((1 << 20) - (40 << 10)))
    assert workspace.run("sync") == 1
    assert "Traceback" not in workspace.err and not workspace.tree().exists()
    filler.unlink()
    workspace.ok("sync")
    assert workspace.head() == pin


@pytest.mark.slow
def test_two_at_once_both_succeed(workspace: Workspace, upstream: Upstream) -> None:
    for attempt in range(4):
        workspace.write({"overlays/ours/extra.py": f"EXTRA = {attempt}\n"})
        for verb in ("sync", "apply"):
            both = [workspace.start(verb) for _ in range(3)]
            results = [(child.communicate(), child.returncode) for child in both]
            assert [code for _, code in results] == [0, 0, 0], results
        assert git(workspace.tree(), "status", "--porcelain") == ""
        assert (workspace.tree() / "extra.py").read_text() == f"EXTRA = {attempt}\n"
        assert git(workspace.tree(), "rev-list", "--count", f"{workspace.pin}..HEAD") == "1"


def test_a_waiting_command_says_for_whom(workspace: Workspace) -> None:
    import fcntl

    with (workspace.root / ".forkctl.lock").open("w") as lock:
        lock.write("forkctl apply, process 4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = workspace.start("apply")
        assert waiting.stderr
        line = waiting.stderr.readline()
        fcntl.flock(lock, fcntl.LOCK_UN)
    waiting.communicate()
    assert "forkctl apply, process 4711" in line


def waiting_lines(workspace: Workspace, urls: Sequence[str], revision: str) -> list[str]:
    """What `sync` of a fork from each address says of waiting, while others hold their caches."""
    import fcntl

    workspace.manifest(
        *(entry(url, revision, name=f"fork-{number}") for number, url in enumerate(urls))
    )
    locks = []
    for url in {url for url in urls if "absent" in url}:
        git_dir_for(url).mkdir(parents=True)
        lock = (git_dir_for(url) / "forkctl.lock").open("w")
        lock.write(f"a fetch of {url}, process 4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        locks.append(lock)
    syncing = workspace.start("sync")
    assert syncing.stderr
    said = [syncing.stderr.readline()] if locks else []
    time.sleep(0.5)
    for lock in locks:
        lock.close()
    said += syncing.communicate()[1].splitlines()
    return [line for line in said if "waiting" in line]


def test_many_forks_that_wait_for_one_process_say_so_once(
    workspace: Workspace, upstream: Upstream
) -> None:
    urls = [f"file:///absent/{number}" for number in range(12)]
    said = waiting_lines(workspace, urls, "0" * 40)
    assert len(said) == 1 and "process 4711" in said[0]


def test_forks_of_one_upstream_do_not_say_that_they_wait_for_each_other(
    workspace: Workspace, upstream: Upstream
) -> None:
    pin = upstream.commit({"a": "a\n"})
    assert waiting_lines(workspace, [upstream.url] * 12, pin) == []


def test_a_server_that_hangs_is_left_on_ctrl_c(
    workspace: Workspace, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow-ssh"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(slow))
    workspace.manifest(entry("ssh://example.org/thing", workspace.pin, name="slow"))
    child = workspace.start("sync")
    pid_file = tmp_path / "pid"
    while not (pid_file.exists() and pid_file.read_text().strip()):
        time.sleep(0.02)
    child.terminate()
    child.communicate(timeout=30)
    assert child.returncode == 130
    assert not workspace.tree("slow").exists()
    os.kill(int(pid_file.read_text()), signal.SIGKILL)  # a real one ends with its pipe
    workspace.manifest(entry(upstream, workspace.pin, overlays=["ours"]))
    workspace.ok("sync")
