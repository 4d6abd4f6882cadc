from __future__ import annotations

import json

from workbench import Bench, Upstream, entry, git


def origins(bench: Bench, wanted: str) -> list[dict[str, object]]:
    return list(json.loads(bench.ok("which", wanted, "--json")))


def test_finds_the_state_that_made_a_commit_or_tree(bench: Bench, upstream: Upstream) -> None:
    pin = upstream.commit({"a": "a\n"})
    bench.manifest(entry(upstream, pin, overlays=["ours"]))
    git(bench.root, "init", "-q")
    commits = []
    for number in range(3):
        bench.write({"overlays/ours/b": f"{number}\n"})
        bench.ok("sync")
        bench.ok("apply")
        git(bench.root, "add", "forks.lock")
        git(bench.root, "commit", "-qm", f"State {number}")
        commits.append(bench.head())
    trees = [git(bench.tree(), "rev-parse", f"{commit}^{{tree}}") for commit in commits]
    assert {o["found_in"] for o in origins(bench, trees[2])} == {"forks/thing", "forks.lock"}
    (earlier,) = origins(bench, commits[1][:10])
    assert (earlier["commit"], earlier["note"]) == (commits[1], "applied earlier")
    bench.ok("clean", "thing")
    (old,) = origins(bench, trees[0])
    assert (old["commit"], old["upstream"]) == (commits[0], pin)
    assert str(old["found_in"]).startswith("forks.lock at ")


def test_a_commit_in_the_middle_of_a_series(bench: Bench, upstream: Upstream) -> None:
    pin = upstream.commit({"a.py": "A = 1\n"})
    patch = "subject: S\nwhy: W\nfiles:\n  - file: a.py\n    edits:\n      - id: e\n" \
        "        match: A = 1\n        insert_{}: B = {}\n"  # fmt: skip
    bench.write(
        {
            "patches/s/0001-one.yaml": patch.format("before", 1),
            "patches/s/0002-two.yaml": patch.format("after", 2),
        }
    )
    bench.manifest(entry(upstream, pin, series=["s"]))
    bench.ok("sync")
    bench.ok("apply")
    (found,) = origins(bench, git(bench.tree(), "rev-parse", "HEAD~1"))
    assert [str(p).split()[0] for p in found["patches"]] == ["s/0001-one.yaml"]  # type: ignore[attr-defined]
    assert found["note"] == "1 later commit of the series on top"
    (pristine,) = origins(bench, pin)
    assert pristine["note"] == "the pristine revision"


def test_unknown_ids_and_no_ids(bench: Bench, upstream: Upstream) -> None:
    bench.manifest(entry(upstream, upstream.commit({"a": "a"})))
    assert bench.run("which", "f" * 40) == 1
    assert bench.run("which", "main") == 2
