"""One rolling issue: opened, brought up to date, closed and reopened, by calls of `gh`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.documented import parsed
from tests.driver import Upstream, Workspace, entry

SCRIPT = ROOT / "scripts/drift_issue.py"
RUN = "https://example.org/runs/7"


class Nights:
    """A repository whose nights go by."""

    def __init__(self, folder: Path, environment: Callable[[str, str], None]) -> None:
        self.folder = folder
        self.state = folder / "issues.json"
        self.gh = folder / "gh"
        fake = Path(__file__).with_name("fake_gh.py")
        self.gh.write_text(f'#!/bin/sh\nexec {sys.executable} {fake} "$@"\n')
        self.gh.chmod(0o755)
        environment("GH_STATE", str(self.state))

    def pass_with(self, *results: dict[str, Any], run: str = RUN) -> str:
        report = self.folder / "check.json"
        report.write_text(json.dumps(results))
        command = [sys.executable, str(SCRIPT), str(report), "--run", run, "--gh", str(self.gh)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def issues(self) -> list[dict[str, Any]]:
        return json.loads(self.state.read_text())["issues"] if self.state.exists() else []


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    return Nights(tmp_path, monkeypatch.setenv)


def result(fork: str, outcome: str, *messages: str, revision: str = "a" * 40) -> dict[str, Any]:
    problems = [{"message": m, "where": f"{fork}/0001.yaml", "hint": None} for m in messages]
    return {"fork": fork, "outcome": outcome, "revision": revision, "problems": problems}


HOLDS = result("rdt", "holds")
FAILS = result("openvla", "failed", "no-anchor: the call is gone")


def test_nothing_is_opened_while_all_holds(nights: Nights) -> None:
    assert "no issue" in nights.pass_with(HOLDS)
    assert nights.issues == []


def test_opened_kept_closed_and_reopened_as_one_issue(nights: Nights) -> None:
    assert nights.pass_with(HOLDS, FAILS) == "opened an issue"
    (issue,) = nights.issues
    assert "openvla at aaaaaaaaaaaa" in issue["body"]
    assert "openvla/0001.yaml: no-anchor: the call is gone" in issue["body"]
    assert RUN in issue["body"]
    assert "rdt" not in issue["body"]

    assert "up to date" in nights.pass_with(HOLDS, FAILS, run=f"{RUN}1")
    (issue,) = nights.issues
    assert f"{RUN}1" in issue["body"]
    assert issue["comments"] == []  # nobody is written to twice about the same thing

    nights.pass_with(HOLDS, {**FAILS, "revision": "b" * 40})
    assert nights.issues[0]["comments"] == []
    assert "bbbbbbbbbbbb" in nights.issues[0]["body"]

    nights.pass_with(result("rdt", "failed", "broken-result"), FAILS)
    (issue,) = nights.issues
    assert len(issue["comments"]) == 1
    assert "broken-result" in issue["body"]

    assert nights.pass_with(HOLDS) == "all holds; closed #1"
    assert nights.issues[0]["state"] == "CLOSED"
    assert "no issue" in nights.pass_with(HOLDS)

    assert nights.pass_with(FAILS) == "reopened #1"
    (issue,) = nights.issues
    assert issue["state"] == "OPEN"
    assert "the call is gone" in issue["body"]
    assert "broken-result" not in issue["body"]


def test_a_night_without_network_closes_nothing(nights: Nights) -> None:
    nights.pass_with(FAILS)
    said = nights.pass_with(HOLDS, result("openvla", "not checked", revision="c" * 40))
    assert "stays open" in said
    assert nights.issues[0]["state"] == "OPEN"


def test_a_message_cannot_end_its_block(nights: Nights) -> None:
    nights.pass_with(result("rdt", "failed", "found ```\n# a heading of somebody's\n```"))
    (issue,) = nights.issues
    assert issue["body"].count("```") == 2


def test_a_failing_gh_is_a_failing_night(nights: Nights) -> None:
    nights.gh.write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(AssertionError, match="CalledProcessError"):
        nights.pass_with(FAILS)


def test_what_check_prints_is_what_the_script_reads(
    nights: Nights, workspace: Workspace, upstream: Upstream
) -> None:
    """An upstream that moves away under a patch, from the real `forkctl check --head --json`."""
    pin = upstream.commit({"a.py": "x = 1\n"})
    workspace.manifest(entry(upstream, pin, series=["thing"]))
    workspace.write(
        {
            "patches/thing/0001-two.yaml": "subject: Two\nwhy: It is two.\nfiles:\n"
            "  - file: a.py\n    edits:\n      - {match: x = 1, replace: x = 2}\n"
        }
    )
    workspace.ok("sync")
    workspace.ok("apply")
    nights.pass_with(*json.loads(workspace.ok("check", "--head", "--json")))
    assert nights.issues == []
    upstream.commit({"a.py": "y = 1\n"})
    assert workspace.run("check", "--head", "--json") == 1
    nights.pass_with(*json.loads(workspace.out))
    (issue,) = nights.issues
    assert "0001-two.yaml" in issue["body"]


@pytest.mark.parametrize("name", ["ci.yml", "drift.yml"])
def test_the_workflows_run_commands_that_exist(name: str) -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands
    for command in commands:
        words = re.split(r" (?:>|\|\|) ", command)[0].split()
        if words[0] == "forkctl":
            parsed(words)
        elif words[0] in ("bash", "python"):
            assert (ROOT / words[1]).is_file()
