from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.driver import Upstream, Workspace, entry


def checks(workspace: Workspace) -> dict[str, tuple[str, str]]:
    return {c["subject"]: (c["verdict"], c["text"]) for c in json.loads(workspace.out)}


def test_looks_also_outside_of_a_workspace(workspace: Workspace) -> None:
    workspace.ok("doctor", "--json")
    found = checks(workspace)
    assert found["git"][0] == "ok"
    assert {"python", "uv", "cache", "disk of the cache", "gpu"} <= set(found)


def test_names_the_mirror_that_a_fork_comes_from(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.manifest(
        entry("https://example.org/owner/thing", "1" * 40),
        '[mirrors]\n"https://example.org/" = "file:///mirror/"\n',
    )
    workspace.ok("doctor", "--json")
    assert checks(workspace)["mirror of thing"] == ("ok", "file:///mirror/owner/thing")
    monkeypatch.setenv("FORKCTL_MIRROR", "nonsense")
    assert workspace.run("doctor", "--json") == 1
    assert checks(workspace)["mirrors"][0] == "failed"


def test_a_git_that_is_too_old_or_missing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "git").write_text("#!/bin/sh\necho git version 2.17.1\n")
    (fake / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake}:/usr/bin:/bin")
    assert workspace.run("doctor", "--json") == 1
    assert checks(workspace)["git"] == ("failed", "2.17.1; forkctl needs 2.32")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert workspace.run("doctor", "--json") == 1
    assert checks(workspace)["git"][0] == "failed"


def test_a_cache_that_cannot_be_written_is_said_by_sync(
    workspace: Workspace, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FORKCTL_CACHE", str(tmp_path / "file" / "cache"))
    workspace.manifest(entry(upstream, upstream.commit({"a": "a"})))
    assert workspace.run("sync") == 1
    assert "FORKCTL_CACHE" in workspace.err
