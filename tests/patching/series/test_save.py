from __future__ import annotations

from pathlib import Path

import pytest

from tests.driver import Upstream, Workspace, entry, git

LINES = "".join(f"line {n}\n" for n in range(1, 41))
PATCH = """\
subject: Add the first line
why: It was missing.
files:
  - file: src/code.py
    edits:
      - id: first
        match: LAST = 1
        insert_before: FIRST = 0
"""


@pytest.fixture
def workspace(workspace: Workspace, upstream: Upstream) -> Workspace:
    workspace.pin = upstream.commit(
        {
            "src/code.py": "LAST = 1\n",
            "text.txt": LINES,
            "raw.bin": b"\0\1\2\xff\r\n",
            "gone": "x\n",
        }
    )
    workspace.write({"patches/thing/0003-first.yaml": PATCH, "overlays/thing/ours.txt": "ours\n"})
    workspace.manifest(entry(upstream, workspace.pin, series=["thing"], overlays=["thing"]))
    workspace.ok("sync")
    workspace.ok("apply")
    return workspace


def commit(
    workspace: Workspace, files: dict[str, str | bytes | None], message: str = "Mine"
) -> str:
    for name, content in files.items():
        path = workspace.tree() / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    git(workspace.tree(), "add", "-A")
    git(workspace.tree(), "commit", "-q", "-m", message)
    return git(workspace.tree(), "rev-parse", "HEAD")


def series(workspace: Workspace) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((workspace.root / "patches/thing").iterdir())}


def test_commits_become_patches_and_the_tree_stays_the_same(workspace: Workspace) -> None:
    commit(workspace, {"text.txt": LINES.replace("line 7", "seven")}, "Change line 7\n\nFor luck.")
    commit(workspace, {"new dir/ü file.txt": "no newline at the end", "gone": None}, "Ünïcode: add")
    yours = commit(workspace, {"raw.bin": b"\0\1\3\xfe\r\n", "crlf.txt": "a\r\nb\r\n"})
    tree = git(workspace.tree(), "rev-parse", "HEAD^{tree}")
    out = workspace.ok("save", "thing")
    assert list(series(workspace)) == [
        "0003-first.yaml", "0004-change-line-7.patch", "0005-n-code-add.patch", "0006-mine.patch",
    ]  # fmt: skip
    assert "patches/thing/0004-change-line-7.patch" in out
    assert workspace.head() != yours
    assert git(workspace.tree(), "rev-parse", "HEAD^{tree}") == tree
    assert git(workspace.tree(), "status", "--porcelain") == ""
    log = git(workspace.tree(), "log", "-3", "--format=%an %s", "--reverse").splitlines()
    assert log == ["Ada Change line 7", "Ada Ünïcode: add", "Ada Mine"]
    assert "For luck." in git(workspace.tree(), "log", "-1", "--format=%B", "HEAD~2")
    assert git(workspace.tree(), "rev-parse", "refs/forkctl/saved/1") == yours
    assert "up to date" in workspace.ok("apply")
    assert "0004-change-line-7.patch" in (workspace.root / "forks.lock").read_text()


def test_a_later_save_leaves_earlier_patches_their_bytes(workspace: Workspace) -> None:
    commit(workspace, {"text.txt": LINES.replace("line 7", "seven")}, "First")
    workspace.ok("save", "thing")
    before = series(workspace)
    commit(
        workspace,
        {"text.txt": (workspace.tree() / "text.txt").read_text().replace("8", "eight")},
        "Second",
    )
    workspace.ok("save", "thing")
    after = series(workspace)
    assert set(after) - set(before) == {"0005-second.patch"}
    assert {name: after[name] for name in before} == before


def test_the_same_work_saved_elsewhere_gives_the_same_bytes(
    workspace: Workspace, upstream: Upstream, tmp_path: Path
) -> None:
    commit(workspace, {"text.txt": LINES.replace("line 7", "seven")})
    config = tmp_path / "gitconfig"
    config.write_text(
        "[diff]\nnoprefix=true\ncontext=9\nalgorithm=patience\nmnemonicPrefix=true\n"
        "[format]\nsubjectPrefix=X\nsignature=me\nattach=true\nnumbered=true\n[core]\nabbrev=6\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GIT_CONFIG_GLOBAL", str(config))
        workspace.ok("save", "thing")
    text = series(workspace)["0004-mine.patch"].decode()
    assert text.startswith("From 0000000")
    assert "diff --git a/text.txt b/text.txt" in text and "me\n" not in text


def test_saved_for_one_fork_of_a_shared_series(workspace: Workspace, upstream: Upstream) -> None:
    shared = [
        entry(upstream, workspace.pin, series=["thing"]),
        entry(upstream, workspace.pin, name="sibling", series=["thing"]),
    ]
    workspace.manifest(*shared)
    workspace.ok("sync")
    workspace.ok("apply")
    before = workspace.head("sibling")
    commit(workspace, {"text.txt": LINES.replace("line 7", "seven")})
    workspace.ok("save", "thing")
    assert b"X-Forkctl-Forks: thing\n" in series(workspace)["0004-mine.patch"]
    workspace.ok("apply")
    assert workspace.head("sibling") == before, "a patch for one fork does not reach the other"
    commit(
        workspace, {"text.txt": (workspace.tree() / "text.txt").read_text().replace("8", "eight")}
    )
    workspace.ok("save", "thing", "--for-all")
    assert b"X-Forkctl-Forks" not in series(workspace)["0005-mine.patch"]


def test_what_cannot_be_kept_as_a_patch_is_refused_whole(workspace: Workspace) -> None:
    (workspace.tree() / "link").symlink_to("/etc/passwd")
    head = commit(workspace, {"text.txt": "short\n"}, "With a link")
    before = series(workspace)
    assert workspace.run("save", "thing") != 0
    assert "link" in workspace.err
    assert series(workspace) == before
    assert workspace.head() == head
    assert (workspace.tree() / "text.txt").read_text() == "short\n"


def test_uncommitted_changes_are_refused(workspace: Workspace) -> None:
    commit(workspace, {"text.txt": "short\n"})
    (workspace.tree() / "text.txt").write_text("shorter\n")
    before = series(workspace)
    assert workspace.run("save", "thing") == 1
    assert "text.txt" in workspace.err
    assert series(workspace) == before
    assert (workspace.tree() / "text.txt").read_text() == "shorter\n"


def test_merges_are_refused(workspace: Workspace) -> None:
    git(workspace.tree(), "switch", "-q", "-c", "side")
    commit(workspace, {"a": "a"})
    git(workspace.tree(), "switch", "-q", "forkctl")
    commit(workspace, {"b": "b"})
    git(workspace.tree(), "merge", "-q", "side", "-m", "Merge")
    head = workspace.head()
    assert workspace.run("save", "thing") == 1
    assert "merge" in workspace.err and workspace.head() == head


def test_commits_below_the_series_top_are_not_taken_for_new(workspace: Workspace) -> None:
    git(workspace.tree(), "commit", "-q", "--amend", "-m", "I rewrote what forkctl made")
    head = workspace.head()
    assert workspace.run("save", "thing") == 1
    assert workspace.run("apply") == 1
    assert workspace.head() == head


def test_save_after_the_patches_changed_keeps_both(workspace: Workspace) -> None:
    yours = commit(workspace, {"text.txt": LINES.replace("line 7", "seven")})
    workspace.write({"patches/thing/0003-first.yaml": PATCH.replace("FIRST = 0", "FIRST = -1")})
    assert workspace.run("apply") == 1, "commits of a person are in the way"
    assert "forkctl save thing" in workspace.err
    workspace.ok("save", "thing")
    assert "seven" in (workspace.tree() / "text.txt").read_text()
    assert "FIRST = -1" in (workspace.tree() / "src/code.py").read_text()
    assert git(workspace.tree(), "rev-parse", "refs/forkctl/saved/1") == yours
    assert "up to date" in workspace.ok("apply")


def test_save_then_move_the_pin(workspace: Workspace, upstream: Upstream) -> None:
    commit(workspace, {"text.txt": LINES.replace("line 7", "seven")})
    newer = upstream.commit({"text.txt": "line 0\n" + LINES})
    workspace.manifest(entry(upstream, newer, series=["thing"]))
    assert workspace.run("sync") == 1
    assert "forkctl save thing" in workspace.err
    workspace.ok("save", "thing")
    workspace.ok("sync")
    workspace.ok("apply")
    text = (workspace.tree() / "text.txt").read_text()
    assert text.startswith("line 0\n") and "seven" in text


def test_executable_files_keep_their_mode(workspace: Workspace) -> None:
    tool = workspace.tree() / "tool.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    commit(workspace, {})
    workspace.ok("save", "thing")
    assert git(workspace.tree(), "ls-files", "-s", "tool.sh").startswith("100755")


def test_export_writes_what_git_am_takes(
    workspace: Workspace, upstream: Upstream, tmp_path: Path
) -> None:
    commit(workspace, {"raw.bin": b"\0\1\3\xfe\r\n"}, "Binary")
    workspace.ok("save", "thing")
    out = tmp_path / "out"
    workspace.ok("export", "thing", "-o", str(out))
    patches = sorted(str(path) for path in out.glob("*.patch"))
    clone = tmp_path / "plain"
    git(tmp_path, "clone", "-q", upstream.url, str(clone))
    git(clone, "am", "--keep-cr", *patches)
    ours = git(workspace.tree(), "rev-parse", "HEAD^{tree}")
    assert git(clone, "rev-parse", "HEAD^{tree}") == ours
    git(clone, "reset", "-q", "--hard", workspace.pin)
    git(clone, "apply", "--index", str(out / "thing.diff"))
    assert git(clone, "write-tree") == ours


def test_diff_of_all_and_of_one_patch(workspace: Workspace) -> None:
    commit(workspace, {"text.txt": LINES.replace("line 7", "seven")}, "Other")
    workspace.ok("save", "thing")
    assert "+FIRST = 0" in workspace.ok("diff", "thing") and "+seven" in workspace.out
    assert "+FIRST = 0" in workspace.ok("diff", "thing", "first") and "+seven" not in workspace.out
    assert workspace.run("diff", "thing", "nothing") == 2
    assert "0003-first.yaml" in workspace.err
