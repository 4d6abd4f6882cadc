from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from workbench import Bench, Upstream, entry

from forkctl.forks.cache import cache_root


def test_a_machine_without_network_gets_the_same_tree(
    make_bench: Callable[[str], Bench], upstream: Upstream, tmp_path: Path
) -> None:
    pin = upstream.commit({"a": "a\n", "src/b": "b\n", "docs/c": "c\n"})
    here, there = make_bench("here"), make_bench("there")
    for bench in (here, there):
        bench.manifest(entry(upstream, pin, sparse=["src"]))
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
    bench: Bench, upstream: Upstream, tmp_path: Path
) -> None:
    first = upstream.commit({"a": "a\n"})
    bench.manifest(entry(upstream, first))
    bench.ok("bundle", "-o", str(tmp_path / "old"))
    bench.manifest(entry(upstream, upstream.commit({"a": "b\n"})))
    assert bench.run("bundle", "--load", str(tmp_path / "old")) == 1
    assert "does not hold the revision" in bench.err
    (tmp_path / "text").write_text("no archive")
    assert bench.run("bundle", "--load", str(tmp_path / "text")) == 1
    assert bench.run("bundle") == 2
