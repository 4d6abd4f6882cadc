"""A `gh` that keeps its issues in a file, and takes no word that the real one does not take.

GH_STATE=issues.json fake_gh.py issue list …
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser()
    nouns = top.add_subparsers(dest="noun", required=True)
    label = (
        nouns.add_parser("label").add_subparsers(dest="verb", required=True).add_parser("create")
    )
    label.add_argument("name")
    label.add_argument("--force", action="store_true", required=True)
    label.add_argument("--description")
    verbs = nouns.add_parser("issue").add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list")
    listing.add_argument("--label", required=True)
    listing.add_argument("--state", choices=["open", "closed", "all"], default="open")
    listing.add_argument("--limit", type=int, default=30)
    listing.add_argument("--json", required=True)
    create = verbs.add_parser("create")
    create.add_argument("--title", required=True)
    create.add_argument("--label")
    create.add_argument("--body-file", choices=["-"], required=True)
    for name in ("edit", "comment"):
        verb = verbs.add_parser(name)
        verb.add_argument("number", type=int)
        verb.add_argument("--body-file", choices=["-"], required=True)
    verbs.add_parser("reopen").add_argument("number", type=int)
    close = verbs.add_parser("close")
    close.add_argument("number", type=int)
    close.add_argument("--comment")
    return top


def main() -> None:
    words = parser().parse_args()
    path = Path(os.environ["GH_STATE"])
    state = json.loads(path.read_text()) if path.exists() else {"labels": [], "issues": []}
    issues = {issue["number"]: issue for issue in state["issues"]}
    if words.noun == "label":
        state["labels"].append(words.name)
    elif words.verb == "list":
        found = [
            issue
            for issue in state["issues"]
            if words.label in issue["labels"] and words.state in ("all", issue["state"].lower())
        ]
        found.sort(key=lambda issue: -issue["number"])  # the real one lists the newest first
        wanted = words.json.split(",")
        print(json.dumps([{key: issue[key] for key in wanted} for issue in found[: words.limit]]))
    elif words.verb == "create":
        if words.label and words.label not in state["labels"]:
            sys.exit(f"could not add label: '{words.label}' not found")
        issue = {
            "number": len(issues) + 1,
            "state": "OPEN",
            "title": words.title,
            "labels": [words.label],
            "body": sys.stdin.read(),
            "comments": [],
        }
        state["issues"].append(issue)
    elif words.verb == "edit":
        issues[words.number]["body"] = sys.stdin.read()
    elif words.verb == "comment":
        issues[words.number]["comments"].append(sys.stdin.read())
    else:
        issues[words.number]["state"] = {"reopen": "OPEN", "close": "CLOSED"}[words.verb]
        if getattr(words, "comment", None):
            issues[words.number]["comments"].append(words.comment)
    path.write_text(json.dumps(state))


if __name__ == "__main__":
    main()
