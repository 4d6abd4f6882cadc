"""`forkctl drift` on small upstreams: verdicts, cache, siblings, fetching, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forkctl.cli import main
from forkctl.errors import ExitCode
from forkctl.places import cache_root
from tests import driver
from tests.driver import Upstream, entry

FILE = "pkg/train.py"
PATCH = """\
subject: Leave with 1 when training failed
why: It left with 0.
files:
  - file: pkg/train.py
    edits:
      - id: exit
        scope: main
        match: print(result)
        insert_after: raise SystemExit(result)
"""


def body(*lines: str, name: str = "main") -> str:
    return "\n".join([f"def {name}(result):", *(f"    {line}" for line in lines)]) + "\n"


CLEAN = body("print(result)")


class Workspace(driver.Workspace):
    """Forks of one series, declared one after the other."""

    def __init__(self, root: Path, upstream: Upstream) -> None:
        super().__init__(root)
        self.upstream = upstream
        self.entries: list[str] = []

    def declare(self, name: str, pin: str, upstream: Upstream | None = None) -> None:
        self.entries.append(entry(upstream or self.upstream, pin, name, series=["main"]))
        self.manifest(*self.entries)

    def patch(self, text: str, name: str = "0001-exit-code.yaml") -> None:
        self.write({f"patches/main/{name}": text})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = Workspace(tmp_path / "workspace", Upstream(tmp_path / "upstream"))
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def drift(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str, code: int = ExitCode.DONE) -> dict[str, Any]:
        assert main(["drift", "--json", *words]) == code
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        return report

    return run


def findings(report: dict[str, Any], fork: int = 0, patch: int = 0) -> dict[str, str]:
    """subject of a version's commit -> verdict"""
    (file,) = report["forks"][fork]["files"]
    verdicts = [finding["verdict"] for finding in file["patches"][patch]["findings"]]
    return dict(zip([v["subject"] for v in file["versions"]], verdicts, strict=True))


def test_each_kind_of_version_gets_its_verdict(workspace: Workspace, drift: Any) -> None:
    commit = workspace.upstream.commit
    commit({FILE: body("return result")}, "not there yet")
    pin = commit({FILE: CLEAN}, "fits")
    commit({FILE: body("print(result)", "print(result)")}, "twice")
    commit({FILE: body("pass") + body("print(result)", name="report")}, "in another function")
    commit({FILE: body("return result", name="run")}, "no such function")
    commit({FILE: "def main(:\n"}, "no python")
    commit({FILE: body("print(result)", "raise SystemExit(result)")}, "took it over")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    report = drift("thing")
    assert findings(report) == {
        "not there yet": "gone",
        "fits": "clean",
        "twice": "ambiguous",
        "in another function": "moved",
        "no such function": "gone",
        "no python": "broken",
        "took it over": "already",
    }
    (file,) = report["forks"][0]["files"]
    assert file["patches"][0]["at_pin"]["verdict"] == "clean"
    assert file["patches"][0]["at_head"]["verdict"] == "already"


def test_a_name_that_the_version_lacks_is_broken(workspace: Workspace, drift: Any) -> None:
    pin = workspace.upstream.commit({FILE: "import sys\n" + CLEAN}, "has it")
    workspace.upstream.commit({FILE: CLEAN}, "lacks it")
    workspace.declare("thing", pin)
    workspace.patch(PATCH.replace("raise SystemExit", "sys.exit"))
    report = drift("thing", code=ExitCode.USER_MUST_ACT)
    assert findings(report) == {"has it": "clean", "lacks it": "broken"}


def test_a_patch_that_fails_at_the_head_is_told_with_its_diagnosis(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.upstream.commit({FILE: body("print(results)")}, "renamed")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    assert main(["drift", "thing"]) == ExitCode.USER_MUST_ACT
    shown = capsys.readouterr().out
    assert "1 of 2" in shown
    assert ".g" in shown
    assert "main/0001-exit-code.yaml does not apply at the head of thing's upstream" in shown
    assert "print(results)" in shown, "the nearest candidate"


def test_a_file_that_upstream_removed_is_gone_at_the_head(workspace: Workspace, drift: Any) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.upstream.commit({FILE: None}, "removed")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    report = drift("thing", code=ExitCode.USER_MUST_ACT)
    (file,) = report["forks"][0]["files"]
    assert file["patches"][0]["at_head"]["verdict"] == "gone"


def test_a_patch_that_lands_elsewhere_than_at_the_pin_is_marked(
    workspace: Workspace, drift: Any
) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "plain")
    workspace.upstream.commit({FILE: body("import os", "print(os)", "print(result)")}, "more lines")
    workspace.upstream.commit({FILE: body("if result:", "    print(result)")}, "guarded")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    (file,) = drift("thing")["forks"][0]["files"]
    first, second, third = file["patches"][0]["findings"]
    assert not first["elsewhere"]
    assert not second["elsewhere"]
    assert third["elsewhere"]
    assert third["verdict"] == "clean"
    assert third["why"] == ["elsewhere than at the pin: exit: main / if"]


def test_side_branches_are_tried_but_only_the_main_one_decides(
    workspace: Workspace, drift: Any
) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.upstream.git("checkout", "--quiet", "-b", "work")
    workspace.upstream.commit({FILE: body("return result")}, "on a branch")
    workspace.upstream.git("update-ref", "refs/pull/7/head", "work")
    workspace.upstream.git("checkout", "--quiet", "main")
    workspace.upstream.git("branch", "-D", "work")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    report = drift("thing")
    assert findings(report) == {"fits": "clean", "on a branch": "gone"}
    (file,) = report["forks"][0]["files"]
    assert [version["mainline"] for version in file["versions"]] == [True, False]


def cached_trials() -> list[Path]:
    return sorted((cache_root() / "drift").rglob("*.json"))


def test_what_the_cache_knows_is_not_tried_again(workspace: Workspace, drift: Any) -> None:
    """Seen by putting a lie into the cache: it is believed, until the patch changes."""
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    drift("thing")
    (entry,) = cached_trials()
    entry.write_text(entry.read_text().replace('"clean"', '"gone"'))
    assert findings(drift("thing", code=ExitCode.USER_MUST_ACT)) == {"fits": "gone"}
    workspace.patch(PATCH.replace("It left", "It once left"))
    assert findings(drift("thing")) == {"fits": "clean"}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"x": {}}', '{"x": 1}'])
def test_a_damaged_cache_only_costs_time(workspace: Workspace, drift: Any, damage: str) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    before = drift("thing")
    (entry,) = cached_trials()
    entry.write_text(damage)
    assert drift("thing") == before


def test_only_new_versions_are_added_to_the_cache(workspace: Workspace, drift: Any) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    drift("thing")
    workspace.upstream.commit({FILE: "import os\n" + CLEAN}, "later")
    assert findings(drift("thing")) == {"fits": "clean"}, "asked upstream again within a day"
    assert findings(drift("thing", "--fetch")) == {"fits": "clean", "later": "clean"}
    (entry,) = cached_trials()
    assert len(json.loads(entry.read_text())) == 2


def test_only_the_blobs_that_are_tried_are_fetched(workspace: Workspace, drift: Any) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN, "big.bin": "not needed\n"}, "fits")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    drift("thing")
    (repo,) = (cache_root() / "upstreams").iterdir()
    present = workspace.upstream.git(
        f"--git-dir={repo}", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"
    ).split()
    assert workspace.upstream.git("rev-parse", f"HEAD:{FILE}") in present
    assert workspace.upstream.git("rev-parse", "HEAD:big.bin") not in present


def test_offline_needs_a_history_and_then_no_upstream(workspace: Workspace, drift: Any) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    report = drift("thing", "--offline", code=ExitCode.USER_MUST_ACT)
    assert "not in the cache" in report["not_checked"]["thing"]["message"]
    before = drift("thing")
    workspace.upstream.path.rename(workspace.upstream.path.with_name("away"))
    assert drift("thing", "--offline") == before


def test_siblings_are_shown_and_an_unreachable_one_stops_nobody(
    workspace: Workspace, drift: Any, tmp_path: Path
) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    other = Upstream(tmp_path / "other")
    other_pin = other.commit({FILE: body("pass", "print(result)")}, "the other's")
    workspace.declare("thing", pin)
    workspace.declare("sibling", other_pin, other)
    workspace.declare("lost", pin, "file:///no/such/place")
    workspace.patch(PATCH)
    report = drift("thing", code=ExitCode.USER_MUST_ACT)
    assert [fork["fork"] for fork in report["forks"]] == ["thing", "sibling"]
    assert findings(report, fork=1) == {"the other's": "clean"}
    assert list(report["not_checked"]) == ["lost"]


def test_patches_for_other_forks_are_left_out(workspace: Workspace, drift: Any) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    workspace.patch(PATCH + "forks: [another]\n", "0002-other.yaml")
    (file,) = drift("thing")["forks"][0]["files"]
    assert [patch["patch"] for patch in file["patches"]] == ["main/0001-exit-code.yaml"]


def test_a_condition_on_another_file_is_read_at_each_version(
    workspace: Workspace, drift: Any
) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN, "flag.py": "on = 1\n"}, "with")
    workspace.upstream.commit({FILE: "import os\n" + CLEAN, "flag.py": None}, "without")
    workspace.declare("thing", pin)
    workspace.patch(PATCH + "when:\n  - file: flag.py\n    has: on = 1\n")
    expected = {"with": "clean", "without": "not_for_this_fork"}
    assert findings(drift("thing")) == expected
    assert findings(drift("thing", "--offline")) == expected, "from the cache"


def test_a_condition_is_asked_again_when_another_commit_stands_for_the_version(
    workspace: Workspace, drift: Any
) -> None:
    upstream = workspace.upstream
    pin = upstream.commit({FILE: CLEAN, "flag.py": "on = 1\n"}, "pinned")
    upstream.git("checkout", "--quiet", "-b", "work")
    upstream.commit({FILE: "import os\n" + CLEAN}, "work")
    upstream.git("checkout", "--quiet", "main")
    workspace.declare("thing", pin)
    workspace.patch(PATCH + "when:\n  - file: flag.py\n    has: on = 1\n")
    assert findings(drift("thing")) == {"pinned": "clean", "work": "clean"}
    upstream.commit({FILE: "import os\n" + CLEAN, "flag.py": "on = 0\n"}, "squashed")
    report = drift("thing", "--fetch")
    assert findings(report) == {"pinned": "clean", "squashed": "not_for_this_fork"}


def test_since_leaves_out_the_past(workspace: Workspace, drift: Any) -> None:
    workspace.upstream.commit({FILE: body("return result")}, "old")
    pin = workspace.upstream.commit({FILE: CLEAN}, "pinned")
    workspace.upstream.commit({FILE: "import os\n" + CLEAN}, "new")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    assert findings(drift("thing", "--since", pin)) == {"pinned": "clean", "new": "clean"}


def test_a_plain_patch_is_tried_on_what_comes_before_it(workspace: Workspace, drift: Any) -> None:
    upstream = workspace.upstream
    lines = [f"step_{number}()" for number in range(6)]
    pin = upstream.commit({FILE: body(*lines, "print(result)")}, "pinned")
    upstream.commit({FILE: "import os\n" + body(*lines, "print(result)")}, "above")
    upstream.commit({FILE: body("print(result)")}, "rewritten")
    # the person's commit stands on the structural patch's result
    upstream.git("checkout", "--quiet", "-b", "own", pin)
    base = body(*lines, "print(result)", "raise SystemExit(result)")
    upstream.commit({FILE: base}, "structural")
    upstream.commit({FILE: base.replace("print(result)", "print(result, flush=True)")}, "Own")
    mail = upstream.git("format-patch", "-1", "--stdout", "--full-index")
    upstream.git("checkout", "--quiet", "main")
    upstream.git("branch", "-D", "own")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    workspace.patch(mail + "\n", "0002-own.patch")
    report = drift("thing", code=ExitCode.USER_MUST_ACT)
    assert findings(report, patch=1) == {"pinned": "clean", "above": "clean", "rewritten": "broken"}
    assert drift("thing", code=ExitCode.USER_MUST_ACT) == report, "from the cache"


def test_a_second_plain_patch_stands_on_the_first(workspace: Workspace, drift: Any) -> None:
    upstream = workspace.upstream
    pin = upstream.commit({FILE: CLEAN}, "pinned")
    upstream.git("checkout", "--quiet", "-b", "own")
    for number, call in enumerate(("print(result, 1)", "print(result, 12)"), start=1):
        upstream.commit({FILE: body(call)}, "Own")
        mail = upstream.git("format-patch", "-1", "--stdout", "--full-index")
        workspace.patch(mail + "\n", f"000{number}-own.patch")
    upstream.git("checkout", "--quiet", "main")
    upstream.git("branch", "-D", "own")
    workspace.declare("thing", pin)
    assert findings(drift("thing"), patch=1) == {"pinned": "clean"}


def test_the_list_of_patches_tells_their_coverage(
    workspace: Workspace, drift: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream = workspace.upstream
    pin = upstream.commit({FILE: CLEAN}, "fits")
    upstream.commit({FILE: body("return result")}, "does not")
    upstream.commit({FILE: "import os\n" + CLEAN}, "fits again")
    workspace.declare("thing", pin)
    workspace.declare("sibling", pin)
    workspace.patch(PATCH)

    def listed() -> Any:
        assert main(["patches", "--drift", "--json"]) == ExitCode.DONE
        (entry,) = json.loads(capsys.readouterr().out)
        return entry["drift"]

    assert listed() is None, "nothing is fetched for a list"
    drift("thing")
    assert listed() == {"applies": 2, "versions": 3}


def test_many_versions_over_several_processes(workspace: Workspace, drift: Any) -> None:
    for number in range(45):
        line = "print(result)" if number % 3 else "return result"
        pin = workspace.upstream.commit({FILE: f"# {number}\n" + body(line)}, f"c{number}")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    assert findings(drift("thing")) == {
        f"c{number}": "clean" if number % 3 else "gone" for number in range(45)
    }


def test_the_heat_map_is_one_file_that_no_subject_can_break(
    workspace: Workspace, drift: Any, tmp_path: Path
) -> None:
    subject = "</script><script>alert(1)</script> \u2028 é"
    pin = workspace.upstream.commit({FILE: CLEAN}, subject)
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    page = tmp_path / "map.html"
    report = drift("thing", "--html", str(page))
    text = page.read_text(encoding="utf-8")
    start = text.index('<script type="application/json" id="report">') + 44
    assert json.loads(text[start : text.index("</script>", start)]) == report
    assert report["forks"][0]["files"][0]["versions"][0]["subject"].startswith("</script>")
    for outside in ("http:", "https:", "src=", "@import", "url("):
        assert outside not in text.replace(json.dumps(subject), ""), outside


def test_a_heat_map_that_cannot_be_written_is_said_before_the_work(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pin = workspace.upstream.commit({FILE: CLEAN}, "fits")
    workspace.declare("thing", pin)
    workspace.patch(PATCH)
    page = tmp_path / "missing" / "map.html"
    assert main(["drift", "thing", "--html", str(page)]) == ExitCode.USAGE
    assert "no such folder" in capsys.readouterr().err
    assert not cache_root().exists()
