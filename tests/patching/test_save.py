from __future__ import annotations

import json
from pathlib import Path

import pytest
from workbench import Bench, Upstream, entry, git

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
def bench(bench: Bench, upstream: Upstream) -> Bench:
    bench.pin = upstream.commit(
        {
            "src/code.py": "LAST = 1\n",
            "text.txt": LINES,
            "raw.bin": b"\0\1\2\xff\r\n",
            "gone": "x\n",
        }
    )
    bench.write({"patches/thing/0003-first.yaml": PATCH, "overlays/thing/ours.txt": "ours\n"})
    bench.manifest(entry(upstream, bench.pin, series=["thing"], overlays=["thing"]))
    bench.ok("sync")
    bench.ok("apply")
    return bench


def commit(bench: Bench, files: dict[str, str | bytes | None], message: str = "Mine") -> str:
    for name, content in files.items():
        path = bench.tree() / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    git(bench.tree(), "add", "-A")
    git(bench.tree(), "commit", "-q", "-m", message)
    return git(bench.tree(), "rev-parse", "HEAD")


def series(bench: Bench) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((bench.root / "patches/thing").iterdir())}


def test_commits_become_patches_and_the_tree_stays_the_same(bench: Bench) -> None:
    commit(bench, {"text.txt": LINES.replace("line 7", "seven")}, "Change line 7\n\nFor luck.")
    commit(bench, {"new dir/ü file.txt": "no newline at the end", "gone": None}, "Ünïcode: add")
    yours = commit(bench, {"raw.bin": b"\0\1\3\xfe\r\n", "crlf.txt": "a\r\nb\r\n"})
    tree = git(bench.tree(), "rev-parse", "HEAD^{tree}")
    out = bench.ok("save", "thing")
    assert list(series(bench)) == [
        "0003-first.yaml", "0004-change-line-7.patch", "0005-n-code-add.patch", "0006-mine.patch",
    ]  # fmt: skip
    assert "patches/thing/0004-change-line-7.patch" in out
    assert bench.head() != yours
    assert git(bench.tree(), "rev-parse", "HEAD^{tree}") == tree
    assert git(bench.tree(), "status", "--porcelain") == ""
    log = git(bench.tree(), "log", "-3", "--format=%an %s", "--reverse").splitlines()
    assert log == ["Ada Change line 7", "Ada Ünïcode: add", "Ada Mine"]
    assert "For luck." in git(bench.tree(), "log", "-1", "--format=%B", "HEAD~2")
    assert git(bench.tree(), "rev-parse", "refs/forkctl/saved/1") == yours
    assert "up to date" in bench.ok("apply")
    assert "0004-change-line-7.patch" in (bench.root / "forks.lock").read_text()


def test_a_later_save_leaves_earlier_patches_their_bytes(bench: Bench) -> None:
    commit(bench, {"text.txt": LINES.replace("line 7", "seven")}, "First")
    bench.ok("save", "thing")
    before = series(bench)
    commit(
        bench, {"text.txt": (bench.tree() / "text.txt").read_text().replace("8", "eight")}, "Second"
    )
    bench.ok("save", "thing")
    after = series(bench)
    assert set(after) - set(before) == {"0005-second.patch"}
    assert {name: after[name] for name in before} == before


def test_the_same_work_saved_elsewhere_gives_the_same_bytes(
    bench: Bench, upstream: Upstream, tmp_path: Path
) -> None:
    commit(bench, {"text.txt": LINES.replace("line 7", "seven")})
    config = tmp_path / "gitconfig"
    config.write_text(
        "[diff]\nnoprefix=true\ncontext=9\nalgorithm=patience\nmnemonicPrefix=true\n"
        "[format]\nsubjectPrefix=X\nsignature=me\nattach=true\nnumbered=true\n[core]\nabbrev=6\n"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GIT_CONFIG_GLOBAL", str(config))
        bench.ok("save", "thing")
    text = series(bench)["0004-mine.patch"].decode()
    assert text.startswith("From 0000000")
    assert "diff --git a/text.txt b/text.txt" in text and "me\n" not in text


def test_saved_for_one_fork_of_a_shared_series(bench: Bench, upstream: Upstream) -> None:
    shared = [
        entry(upstream, bench.pin, series=["thing"]),
        entry(upstream, bench.pin, name="sibling", series=["thing"]),
    ]
    bench.manifest(*shared)
    bench.ok("sync")
    bench.ok("apply")
    before = bench.head("sibling")
    commit(bench, {"text.txt": LINES.replace("line 7", "seven")})
    bench.ok("save", "thing")
    assert b"X-Forkctl-Forks: thing\n" in series(bench)["0004-mine.patch"]
    bench.ok("apply")
    assert bench.head("sibling") == before, "a patch for one fork does not reach the other"
    commit(bench, {"text.txt": (bench.tree() / "text.txt").read_text().replace("8", "eight")})
    bench.ok("save", "thing", "--for-all")
    assert b"X-Forkctl-Forks" not in series(bench)["0005-mine.patch"]


def test_what_cannot_be_kept_as_a_patch_is_refused_whole(bench: Bench) -> None:
    (bench.tree() / "link").symlink_to("/etc/passwd")
    head = commit(bench, {"text.txt": "short\n"}, "With a link")
    before = series(bench)
    assert bench.run("save", "thing") != 0
    assert "link" in bench.err
    assert series(bench) == before
    assert bench.head() == head
    assert (bench.tree() / "text.txt").read_text() == "short\n"


def test_uncommitted_changes_are_refused(bench: Bench) -> None:
    commit(bench, {"text.txt": "short\n"})
    (bench.tree() / "text.txt").write_text("shorter\n")
    before = series(bench)
    assert bench.run("save", "thing") == 1
    assert "text.txt" in bench.err
    assert series(bench) == before
    assert (bench.tree() / "text.txt").read_text() == "shorter\n"


def test_merges_are_refused(bench: Bench) -> None:
    git(bench.tree(), "switch", "-q", "-c", "side")
    commit(bench, {"a": "a"})
    git(bench.tree(), "switch", "-q", "forkctl")
    commit(bench, {"b": "b"})
    git(bench.tree(), "merge", "-q", "side", "-m", "Merge")
    head = bench.head()
    assert bench.run("save", "thing") == 1
    assert "merge" in bench.err and bench.head() == head


def test_commits_below_the_series_top_are_not_taken_for_new(bench: Bench) -> None:
    git(bench.tree(), "commit", "-q", "--amend", "-m", "I rewrote what forkctl made")
    head = bench.head()
    assert bench.run("save", "thing") == 1
    assert bench.run("apply") == 1
    assert bench.head() == head


def test_save_after_the_patches_changed_keeps_both(bench: Bench) -> None:
    yours = commit(bench, {"text.txt": LINES.replace("line 7", "seven")})
    bench.write({"patches/thing/0003-first.yaml": PATCH.replace("FIRST = 0", "FIRST = -1")})
    assert bench.run("apply") == 1, "commits of a person are in the way"
    assert "forkctl save thing" in bench.err
    bench.ok("save", "thing")
    assert "seven" in (bench.tree() / "text.txt").read_text()
    assert "FIRST = -1" in (bench.tree() / "src/code.py").read_text()
    assert git(bench.tree(), "rev-parse", "refs/forkctl/saved/1") == yours
    assert "up to date" in bench.ok("apply")


def test_save_then_move_the_pin(bench: Bench, upstream: Upstream) -> None:
    commit(bench, {"text.txt": LINES.replace("line 7", "seven")})
    newer = upstream.commit({"text.txt": "line 0\n" + LINES})
    bench.manifest(entry(upstream, newer, series=["thing"]))
    assert bench.run("sync") == 1
    assert "forkctl save thing" in bench.err
    bench.ok("save", "thing")
    bench.ok("sync")
    bench.ok("apply")
    text = (bench.tree() / "text.txt").read_text()
    assert text.startswith("line 0\n") and "seven" in text


def test_an_interrupted_save_is_taken_up(bench: Bench) -> None:
    commit(bench, {"text.txt": LINES.replace("line 7", "seven")})
    bench.ok("save", "thing")
    saved = series(bench)
    # as if the kill had come right after the file was written
    git(bench.tree(), "reset", "-q", "--hard", "refs/forkctl/saved/1")
    base = git(bench.tree(), "rev-parse", "HEAD~1")
    state_file = bench.tree() / ".git/forkctl/state.json"
    state = json.loads(state_file.read_text())
    (bench.root / "patches/thing/0004-mine.patch").rename(bench.root / "kept")
    state.update(head=base, tree=git(bench.tree(), "rev-parse", f"{base}^{{tree}}"))
    state["identity"] = None
    state_file.write_text(json.dumps(state))
    (bench.root / "kept").rename(bench.root / "patches/thing/0004-mine.patch")
    bench.ok("save", "thing")
    assert series(bench) == saved


def test_executable_files_keep_their_mode(bench: Bench) -> None:
    tool = bench.tree() / "tool.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    commit(bench, {})
    bench.ok("save", "thing")
    assert git(bench.tree(), "ls-files", "-s", "tool.sh").startswith("100755")


def test_export_writes_what_git_am_takes(bench: Bench, upstream: Upstream, tmp_path: Path) -> None:
    commit(bench, {"raw.bin": b"\0\1\3\xfe\r\n"}, "Binary")
    bench.ok("save", "thing")
    out = tmp_path / "out"
    bench.ok("export", "thing", "-o", str(out))
    patches = sorted(str(path) for path in out.glob("*.patch"))
    clone = tmp_path / "plain"
    git(tmp_path, "clone", "-q", upstream.url, str(clone))
    git(clone, "am", "--keep-cr", *patches)
    ours = git(bench.tree(), "rev-parse", "HEAD^{tree}")
    assert git(clone, "rev-parse", "HEAD^{tree}") == ours
    git(clone, "reset", "-q", "--hard", bench.pin)
    git(clone, "apply", "--index", str(out / "thing.diff"))
    assert git(clone, "write-tree") == ours


def test_diff_of_all_and_of_one_patch(bench: Bench) -> None:
    commit(bench, {"text.txt": LINES.replace("line 7", "seven")}, "Other")
    bench.ok("save", "thing")
    assert "+FIRST = 0" in bench.ok("diff", "thing") and "+seven" in bench.out
    assert "+FIRST = 0" in bench.ok("diff", "thing", "first") and "+seven" not in bench.out
    assert bench.run("diff", "thing", "nothing") == 2
    assert "0003-first.yaml" in bench.err
