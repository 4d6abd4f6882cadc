"""The README's table of patches is the patches' own."""

from __future__ import annotations

import json
import subprocess
import sys

from tests import ROOT
from tests.driver import Workspace


def test_the_table_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts/patch_table.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_patch_that_forkctl_lists_has_its_row(workspace: Workspace) -> None:
    workspace.ok("init")
    listed = json.loads(workspace.ok("patches", "--json"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| ")]
    for patch in listed:
        name = f"| {patch['series']} {patch['name'][:4]} "
        (row,) = [row for row in rows if row.startswith(name)]
        assert f"**{patch['subject']}.**" in row
        assert len(row.partition(".** ")[2]) > 30, f"{name} gives no reason"
    assert len(rows) == len(listed) + len([row for row in rows if "what it does" in row])
