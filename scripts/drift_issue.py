"""Keep one issue that says which patches no longer apply at the head of their upstreams.

    forkctl check --head --json > check.json
    python scripts/drift_issue.py check.json --run URL_OF_THIS_RUN

The issue is the one with the label `drift`. It is opened when something fails for the first time,
rewritten every night, gets a comment when what fails has changed, is closed when all holds, and
reopened after that. A fork that could not be reached changes nothing. Needs GitHub's `gh`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LABEL = "drift"
TITLE = "Patches do not apply at the head of their upstreams"
MARK = re.compile(r"<!-- failing: ([0-9a-f]+) -->")


@dataclass(frozen=True)
class Standing:
    """What `forkctl check --head` found: forks that fail, and forks it could not look at."""

    failing: tuple[dict[str, Any], ...]
    unseen: tuple[dict[str, Any], ...]

    @property
    def digest(self) -> str:
        """Names what fails and why, but not at which revision it was tried."""
        what = [(fork["fork"], fork["problems"]) for fork in self.failing]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Issue:
    number: str
    is_open: bool
    body: str

    @property
    def digest(self) -> str | None:
        found = MARK.search(self.body)
        return found[1] if found else None


class GitHub:
    """The few things asked of `gh`; the repository is the one that it runs in."""

    def __init__(self, gh: Sequence[str]) -> None:
        self._gh = list(gh)

    def run(self, *words: str, text: str | None = None) -> str:
        done = subprocess.run(
            [*self._gh, *words], input=text, text=True, stdout=subprocess.PIPE, check=True
        )
        return done.stdout

    def issues(self) -> list[Issue]:
        """Those with our label, the oldest first."""
        fields = ("--json", "number,state,body")
        listed = self.run(
            "issue", "list", "--label", LABEL, "--state", "all", "--limit", "50", *fields
        )
        found = [
            Issue(str(one["number"]), one["state"] == "OPEN", one["body"])
            for one in json.loads(listed)
        ]
        return sorted(found, key=lambda issue: int(issue.number))

    def open(self, body: str) -> None:
        self.run("label", "create", LABEL, "--force", "--description", "Kept by the drift workflow")
        words = ("--title", TITLE, "--label", LABEL, "--body-file", "-")
        self.run("issue", "create", *words, text=body)

    def rewrite(self, issue: Issue, body: str) -> None:
        self.run("issue", "edit", issue.number, "--body-file", "-", text=body)

    def comment(self, issue: Issue, body: str) -> None:
        self.run("issue", "comment", issue.number, "--body-file", "-", text=body)

    def reopen(self, issue: Issue) -> None:
        self.run("issue", "reopen", issue.number)

    def close(self, issue: Issue, comment: str) -> None:
        self.run("issue", "close", issue.number, "--comment", comment)


def standing_of(results: Sequence[dict[str, Any]]) -> Standing:
    return Standing(
        failing=tuple(each for each in results if each["outcome"] == "failed"),
        unseen=tuple(each for each in results if each["outcome"] == "not checked"),
    )


def keep_issue(github: GitHub, standing: Standing, run: str) -> str:
    """Bring the issue in line with what was found, and say what was done."""
    issues = github.issues()
    ours = next((issue for issue in issues if issue.is_open), issues[-1] if issues else None)
    if not standing.failing:
        if ours is None or not ours.is_open:
            return "all holds; no issue is open"
        if standing.unseen:
            return f"nothing fails, but not all could be looked at; #{ours.number} stays open"
        github.close(ours, f"Everything applies again: {run}")
        return f"all holds; closed #{ours.number}"
    body = body_of(standing, run)
    if ours is None:
        github.open(body)
        return "opened an issue"
    github.rewrite(ours, body)
    if not ours.is_open:
        github.reopen(ours)
        return f"reopened #{ours.number}"
    if ours.digest != standing.digest:
        github.comment(ours, f"What fails has changed; it is above. {run}")
    return f"brought #{ours.number} up to date"


def body_of(standing: Standing, run: str) -> str:
    parts = [
        "`forkctl check --head` fails. The heat map of all upstream versions is an artifact of "
        f"{run}. This text is rewritten every night, and the issue closed when all holds.",
    ]
    for fork in standing.failing:
        revision = (fork["revision"] or "an unknown revision")[:12]
        parts.append(f"### {fork['fork']} at {revision}\n\n{_problems(fork)}")
    if standing.unseen:
        names = ", ".join(fork["fork"] for fork in standing.unseen)
        parts.append(f"Could not be looked at this time: {names}")
    parts.append(
        "Try it: `forkctl drift FORK` shows which versions a patch fits; correct the patch, or the "
        f"pin in forks.toml.\n\n<!-- failing: {standing.digest} -->"
    )
    return "\n\n".join(parts) + "\n"


def _problems(fork: dict[str, Any]) -> str:
    lines = []
    for problem in fork["problems"]:
        place = f"{problem['where']}: " if problem["where"] else ""
        lines.append(f"{place}{problem['message']}")
    return "```\n" + "\n".join(lines).replace("```", "'''") + "\n```"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="what `forkctl check --head --json` printed")
    parser.add_argument("--run", required=True, help="address of the run that made it")
    parser.add_argument("--gh", default="gh", help="the program to call")
    words = parser.parse_args()
    standing = standing_of(json.loads(words.report.read_text(encoding="utf-8")))
    print(keep_issue(GitHub([words.gh]), standing, words.run))


if __name__ == "__main__":
    main()
