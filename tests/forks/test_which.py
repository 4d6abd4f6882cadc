from __future__ import annotations

import json

from tests.driver import Upstream, Workspace, entry, git


def origins(workspace: Workspace, wanted: str) -> list[dict[str, object]]:
    return list(json.loads(workspace.ok("which", wanted, "--json")))


def test_finds_the_state_that_made_a_commit_or_tree(
    workspace: Workspace, upstream: Upstream
) -> None:
    pin = upstream.commit({"a": "a\n"})
    workspace.manifest(entry(upstream, pin, overlays=["ours"]))
    git(workspace.root, "init", "-q")
    commits = []
    for number in range(3):
        workspace.write({"overlays/ours/b": f"{number}\n"})
        workspace.ok("sync")
        workspace.ok("apply")
        git(workspace.root, "add", "forks.lock")
        git(workspace.root, "commit", "-qm", f"State {number}")
        commits.append(workspace.head())
    trees = [git(workspace.tree(), "rev-parse", f"{commit}^{{tree}}") for commit in commits]
    assert {o["found_in"] for o in origins(workspace, trees[2])} == {"forks/thing", "forks.lock"}
    (earlier,) = origins(workspace, commits[1][:10])
    assert (earlier["commit"], earlier["note"]) == (commits[1], "applied earlier")
    workspace.ok("clean", "thing")
    (old,) = origins(workspace, trees[0])
    assert (old["commit"], old["upstream"]) == (commits[0], pin)
    assert str(old["found_in"]).startswith("forks.lock at ")


def test_a_commit_in_the_middle_of_a_series(workspace: Workspace, upstream: Upstream) -> None:
    pin = upstream.commit({"a.py": "A = 1\n"})
    patch = "subject: S\nwhy: W\nfiles:\n  - file: a.py\n    edits:\n      - id: e\n" \
        "        match: A = 1\n        insert_{}: B = {}\n"  # fmt: skip
    workspace.write(
        {
            "patches/s/0001-one.yaml": patch.format("before", 1),
            "patches/s/0002-two.yaml": patch.format("after", 2),
        }
    )
    workspace.manifest(entry(upstream, pin, series=["s"]))
    workspace.ok("sync")
    workspace.ok("apply")
    (found,) = origins(workspace, git(workspace.tree(), "rev-parse", "HEAD~1"))
    assert [str(p).split()[0] for p in found["patches"]] == ["s/0001-one.yaml"]  # type: ignore[attr-defined]
    assert found["note"] == "1 later commit of the series on top"
    (pristine,) = origins(workspace, pin)
    assert pristine["note"] == "the pristine revision"


def test_unknown_ids_and_no_ids(workspace: Workspace, upstream: Upstream) -> None:
    workspace.manifest(entry(upstream, upstream.commit({"a": "a"})))
    assert workspace.run("which", "f" * 40) == 1
    assert workspace.run("which", "main") == 2
