"""Marks are true: what is not marked upstream cannot reach one."""

from __future__ import annotations

import subprocess

from forkctl.forks.manifest import GitSource, load
from tests import ROOT


def test_a_test_without_the_mark_reaches_no_upstream() -> None:
    sources = (fork.source for fork in load(ROOT / "forks.toml").forks)
    for url in {source.url for source in sources if isinstance(source, GitSource)}:
        asked = subprocess.run(["git", "ls-remote", url], capture_output=True, text=True)
        assert asked.returncode != 0
        assert "not allowed" in asked.stderr
