from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.driver import Upstream, Workspace, entry, git

RUN = """\
import sys


def main():
    print("start")
    return 0


if __name__ == "__main__":
    sys.exit(main())
"""
STOP = """\
subject: Say when it stops
why: Nobody knew.
files:
  - file: src/run.py
    edits:
      - id: stop
        scope: main
        match: return 0
        insert_before: print("stop")
"""
GREET = (
    STOP.replace("Say when it stops", "Greet")
    .replace("return 0", 'print("start")')
    .replace('print("stop")', 'print("hello")')
)
LOST = STOP.replace("match: return 0", "match: return 7")


@pytest.fixture
def workspace(workspace: Workspace, upstream: Upstream) -> Workspace:
    workspace.pin = upstream.commit({"src/run.py": RUN, "data/table.txt": "1\n2\n3\n4\n5\n"})
    workspace.write(
        {
            "patches/thing/0001-greet.yaml": GREET,
            "patches/thing/0002-stop.yaml": STOP,
            "overlays/thing/src/extra/ours.py": "OURS = 1\n",
        }
    )
    declare(workspace, upstream)
    workspace.ok("sync")
    return workspace


def declare(workspace: Workspace, upstream: Upstream, **more: object) -> None:
    pin = workspace.pin
    workspace.manifest(entry(upstream, pin, series=["thing"], overlays=["thing"], **more))  # type: ignore[arg-type]


def subjects(workspace: Workspace) -> list[str]:
    return git(workspace.tree(), "log", "--format=%s", "--reverse").splitlines()


def test_overlays_then_a_commit_for_each_patch(workspace: Workspace) -> None:
    workspace.ok("apply")
    assert subjects(workspace)[2:] == ["Greet", "Say when it stops"]
    shown = subprocess.run(
        ["python3", workspace.tree() / "src/run.py"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["hello", "start", "stop"]
    assert (workspace.tree() / "src/extra/ours.py").read_text() == "OURS = 1\n"
    assert git(workspace.tree(), "status", "--porcelain") == ""
    git(workspace.tree(), "fsck")
    message = git(workspace.tree(), "log", "-1", "--format=%B")
    assert "Forkctl-Patch:" in message and "Forkctl-Digest: " in message
    assert str(workspace.root) not in message


def test_a_second_apply_changes_nothing(workspace: Workspace) -> None:
    workspace.ok("apply")
    before = (workspace.head(), (workspace.root / "forks.lock").read_bytes())
    assert "up to date" in workspace.ok("apply")
    assert (workspace.head(), (workspace.root / "forks.lock").read_bytes()) == before


def test_the_lock_records_what_was_made(workspace: Workspace) -> None:
    workspace.ok("apply")
    text = (workspace.root / "forks.lock").read_text()
    assert workspace.head() in text
    assert git(workspace.tree(), "rev-parse", "HEAD^{tree}") in text
    assert '"thing/0001-greet.yaml" = "sha256:' in text
    assert '"thing/src/extra/ours.py" = "sha256:' in text


def test_a_patch_that_changed_since_it_was_locked_is_checked_anew(workspace: Workspace) -> None:
    workspace.ok("apply")
    broken = STOP.replace('print("stop")', "stop()")
    workspace.write({"patches/thing/0002-stop.yaml": broken})
    assert workspace.run("apply") == 1
    assert "undefined names: stop" in workspace.err


def test_same_inputs_same_ids_in_any_directory_and_environment(
    workspace: Workspace,
    upstream: Upstream,
    make_workspace: Callable[[str], Workspace],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    workspace.ok("apply")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "template" / "hooks").mkdir(parents=True)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\nhooksPath={hooks}\nautocrlf=true\neol=crlf\n[commit]\ngpgSign=true\n"
        f"[user]\nname=Eve\n[init]\ntemplateDir={tmp_path}/template\ndefaultBranch=x\n"
        "[i18n]\ncommitEncoding=latin1\n[core]\nabbrev=5\nquotePath=false\n"
        "[fetch]\nprune=true\n[status]\nshowUntrackedFiles=no\n[feature]\nmanyFiles=true\n"
    )
    for name, value in {
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_DIR": "/nonexistent",
        "GIT_WORK_TREE": "/nonexistent",
        "GIT_INDEX_FILE": "/nonexistent",
        "GIT_OBJECT_DIRECTORY": "/nonexistent",
        "GIT_AUTHOR_NAME": "Eve",
        "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
        "GIT_COMMITTER_EMAIL": "eve@example.org",
        "GIT_NAMESPACE": "x",
        "GIT_EDITOR": "false",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "tr_TR.UTF-8",
        "LANGUAGE": "de",
    }.items():
        monkeypatch.setenv(name, value)
    other = make_workspace("a much/deeper place")
    for name in ("forks.toml", "patches", "overlays"):
        subprocess.run(["cp", "-r", workspace.root / name, other.root / name], check=True)
    other.ok("sync")
    other.ok("apply")
    monkeypatch.undo()
    assert other.head() == workspace.head()
    assert (other.root / "forks.lock").read_bytes() == (workspace.root / "forks.lock").read_bytes()
    assert (other.tree() / "src/run.py").read_bytes() == (
        workspace.tree() / "src/run.py"
    ).read_bytes()
    assert git(other.tree(), "status", "--porcelain") == ""


def test_without_is_another_identity_and_leaves_the_lock_alone(workspace: Workspace) -> None:
    workspace.ok("apply")
    full, lock = workspace.head(), (workspace.root / "forks.lock").read_bytes()
    workspace.ok("apply", "thing", "--without", "greet")
    assert "Greet" not in subjects(workspace)
    assert workspace.head() != full
    assert (workspace.root / "forks.lock").read_bytes() == lock
    assert "without greet" in workspace.ok("status")
    workspace.ok("apply")
    assert workspace.head() == full


def test_without_a_name_that_is_no_patch(workspace: Workspace) -> None:
    assert workspace.run("apply", "thing", "--without", "nothing") == 1
    assert "0001-greet" in workspace.err


def test_a_failing_patch_in_the_middle_changes_nothing_anywhere_in_its_fork(
    workspace: Workspace, upstream: Upstream
) -> None:
    workspace.ok("apply")
    before = workspace.head()
    workspace.write({"patches/thing/0002-stop.yaml": LOST, "patches/thing/0003-last.yaml": STOP})
    pin = workspace.pin
    workspace.manifest(
        entry(upstream, pin, series=["thing"], overlays=["thing"]),
        entry(upstream, pin, name="well", overlays=["thing"]),
    )
    workspace.ok("sync")
    assert workspace.run("apply") == 1
    assert "0002-stop.yaml" in workspace.err and "return 7" in workspace.err
    assert workspace.head() == before
    assert git(workspace.tree(), "status", "--porcelain") == ""
    assert (workspace.tree("well") / "src/extra/ours.py").exists(), "the other fork was applied"
    workspace.write({"patches/thing/0002-stop.yaml": STOP, "patches/thing/0003-last.yaml": None})
    workspace.ok("apply")
    assert workspace.head() == before


def test_locked_refuses_what_the_lock_does_not_record(workspace: Workspace) -> None:
    assert workspace.run("apply", "--locked") == 1
    workspace.ok("apply")
    workspace.ok("apply", "--locked")
    before = workspace.head()
    workspace.write({"overlays/thing/src/extra/ours.py": "OURS = 2\n"})
    assert workspace.run("apply", "--locked") == 1
    assert "thing/src/extra/ours.py" in workspace.err
    assert workspace.head() == before
    workspace.ok("apply")
    assert workspace.head() != before


def test_a_lock_that_the_same_inputs_contradict_is_an_alarm(workspace: Workspace) -> None:
    workspace.ok("apply")
    lock = workspace.root / "forks.lock"
    lock.write_text(lock.read_text().replace(workspace.head(), "0" * 40))
    workspace.ok("apply", "thing", "--without", "greet")
    assert workspace.run("apply") == 1
    assert "000000000000" in workspace.err
    assert "0" * 40 in lock.read_text(), "the evidence stays"


def test_a_damaged_lock_is_said_so_and_kept(workspace: Workspace) -> None:
    (workspace.root / "forks.lock").write_text(
        "version = 1\n[fork.thing]\ncommit = 3\n<<<<<<< HEAD\n"
    )
    assert workspace.run("apply") == 1
    assert "forks.lock" in workspace.err and "Traceback" not in workspace.err
    assert "<<<<" in (workspace.root / "forks.lock").read_text()


def test_apply_before_sync_says_what_to_type(workspace: Workspace, upstream: Upstream) -> None:
    pin = workspace.pin
    workspace.manifest(entry(upstream, pin, name="fresh"))
    assert workspace.run("apply") == 1
    assert "forkctl sync fresh" in workspace.err


def test_apply_with_a_moved_pin_says_what_to_type(workspace: Workspace, upstream: Upstream) -> None:
    newer = upstream.commit({"x": "y"})
    workspace.manifest(entry(upstream, newer, series=["thing"]))
    assert workspace.run("apply") == 1
    assert "forkctl sync thing" in workspace.err


@pytest.mark.parametrize("path", ["src/run.py", "src/run.py/inside.py", "src"])
def test_an_overlay_may_not_take_the_place_of_upstreams_files(
    workspace: Workspace, upstream: Upstream, path: str
) -> None:
    workspace.write({f"overlays/greedy/{path}": "x"})
    workspace.manifest(entry(upstream, workspace.pin, overlays=["greedy"]))
    assert workspace.run("apply") == 1
    assert path in workspace.err
    assert workspace.head() == workspace.pin


def test_changes_outside_of_the_sparse_folders_are_refused(
    workspace: Workspace, upstream: Upstream
) -> None:
    declare(workspace, upstream, sparse=["data"])
    workspace.ok("sync")
    assert workspace.run("apply") == 1
    assert "sparse" in workspace.err
    assert workspace.head() == workspace.pin


def test_a_folder_that_is_nowhere_is_named(workspace: Workspace, upstream: Upstream) -> None:
    """A slip in `sparse` would leave files out in silence. What an overlay brings is there."""
    workspace.write({"overlays/thing/ours/new.py": "x = 1\n"})
    sparse = ["src", "data", "ours", "datta"]
    manifest = entry(upstream, workspace.pin, sparse=sparse, series=["thing"], overlays=["thing"])
    workspace.manifest(manifest)
    workspace.ok("sync")
    for command in ("apply", "check"):
        assert workspace.run(command) == 1
        assert "`sparse` names 'datta', which neither" in workspace.err + workspace.out
    workspace.manifest(manifest.replace(", 'datta'", ""))
    workspace.ok("sync")
    workspace.ok("apply")


def test_json_says_what_was_made(workspace: Workspace) -> None:
    (row,) = json.loads(workspace.ok("apply", "--json"))
    assert row["commit"] == workspace.head() and row["outcome"] == "applied"


def test_status_leads_from_one_step_to_the_next(workspace: Workspace, upstream: Upstream) -> None:
    def row() -> dict[str, object]:
        (found,) = json.loads(workspace.ok("status", "--json"))
        return dict(found)

    assert (row()["stands"], row()["next"]) == ("not applied", "forkctl apply thing")
    workspace.ok("apply")
    assert (row()["stands"], row()["next"]) == ("applied", "")
    workspace.write({"patches/thing/0002-stop.yaml": STOP.replace("Nobody", "No one")})
    assert (row()["stands"], row()["stale"]) == ("stale patches", "thing/0002-stop.yaml")
    workspace.ok("apply")
    (workspace.tree() / "note").write_text("mine")
    (workspace.tree() / "data/table.txt").write_text("mine")
    assert (row()["untracked"], row()["changed"]) == (["note"], ["data/table.txt"])
    git(workspace.tree(), "add", "-A")
    git(workspace.tree(), "commit", "-qm", "Mine")
    assert (row()["own_commits"], row()["next"]) == (1, "forkctl save thing")
    declare(workspace, upstream, sparse=["data"])
    assert row()["stands"] == "pin moved"


def test_the_alarm_also_rings_when_the_tree_is_already_there(workspace: Workspace) -> None:
    workspace.ok("apply")
    lock = workspace.root / "forks.lock"
    lock.write_text(lock.read_text().replace(workspace.head(), "0" * 40))
    assert workspace.run("apply") == 1
    assert "0" * 40 in lock.read_text()


def test_a_lock_that_was_lost_is_written_again(workspace: Workspace) -> None:
    workspace.ok("apply")
    lock = workspace.root / "forks.lock"
    before = lock.read_bytes()
    lock.unlink()
    assert "up to date" in workspace.ok("apply")
    assert lock.read_bytes() == before


CONFLICT = "<<<<<<< HEAD\n{mine}=======\n{theirs}>>>>>>> theirs\n"


@pytest.mark.parametrize(
    ("how", "locked"), [("conflict", []), ("conflict", ["--locked"]), ("damage", ["--locked"])]
)
def test_a_lock_that_cannot_be_read_records_nothing(
    workspace: Workspace, how: str, locked: list[str]
) -> None:
    """Also if what it would say about this fork is right."""
    workspace.ok("apply")
    lock = workspace.root / "forks.lock"
    head, section = lock.read_text().split("\n[fork.thing]", 1)
    mine = "\n[fork.thing]" + section
    conflict = CONFLICT.format(mine=mine, theirs=mine.replace("sha256:", "sha256:0"))
    lock.write_text(head + (conflict if how == "conflict" else mine + "\nand then\n"))
    before = lock.read_text()
    assert workspace.run("apply", *locked) != 0
    assert "forks.lock" in workspace.err and "hint" in workspace.err
    assert lock.read_text() == before


def test_a_patch_for_a_fork_that_does_not_exist_is_not_left_out_in_silence(
    workspace: Workspace,
) -> None:
    workspace.write({"patches/thing/0002-stop.yaml": "forks: [thing, ff]\n" + STOP})
    workspace.write({"patches/thing/0003-more.yaml": "forks: [thimg]\n" + STOP})
    out = workspace.ok("apply")
    assert "thing/0003-more.yaml is for thimg: there is no such fork in forks.toml" in out
    assert "thing/0002-stop.yaml is for ff:" in out
    workspace.ok("check")
    assert "warning: thing/0003-more.yaml is for thimg:" in workspace.err
    workspace.ok("patches")
    assert "is for thimg:" in workspace.err
    workspace.write({"patches/thing/0002-stop.yaml": STOP, "patches/thing/0003-more.yaml": None})
    assert "no such fork" not in workspace.ok("apply")
