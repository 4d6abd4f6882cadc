from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from forkctl.forks.cache import cache_root
from tests.driver import Upstream, Workspace, entry


def test_a_machine_without_network_gets_the_same_tree(
    make_workspace: Callable[[str], Workspace], upstream: Upstream, tmp_path: Path
) -> None:
    pin = upstream.commit({"a": "a\n", "src/b": "b\n", "docs/c": "c\n"})
    here, there = make_workspace("here"), make_workspace("there")
    for workspace in (here, there):
        workspace.manifest(entry(upstream, pin, sparse=["src"]))
    file = tmp_path / "pins.tar.gz"
    here.ok("bundle", "-o", str(file))
    shutil.rmtree(cache_root())
    upstream.path.rename(tmp_path / "no network")
    assert there.run("sync", "--offline") == 1
    assert "thing" in there.ok("bundle", "--load", str(file))
    there.ok("sync", "--offline")
    assert there.head() == pin
    assert (there.tree() / "src/b").read_text() == "b\n"


def test_what_is_no_bundle_or_another_pins(
    workspace: Workspace, upstream: Upstream, tmp_path: Path
) -> None:
    first = upstream.commit({"a": "a\n"})
    workspace.manifest(entry(upstream, first))
    workspace.ok("bundle", "-o", str(tmp_path / "old"))
    workspace.manifest(entry(upstream, upstream.commit({"a": "b\n"})))
    assert workspace.run("bundle", "--load", str(tmp_path / "old")) == 1
    assert "does not hold the revision" in workspace.err
    (tmp_path / "text").write_text("no archive")
    assert workspace.run("bundle", "--load", str(tmp_path / "text")) == 1
    assert workspace.run("bundle") == 2
