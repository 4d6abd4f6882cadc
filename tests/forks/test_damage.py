"""A cache that was damaged is found out, said and mended."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.places import cache_root
from tests.driver import Upstream, Workspace, entry, git


def flip(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 255
    path.chmod(0o644)
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-30])


def the(cached: Path, pattern: str) -> Path:
    """The largest of these files."""
    return max(cached.glob(pattern), key=lambda path: path.stat().st_size)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a byte of a pack": lambda cached: flip(the(cached, "objects/pack/*.pack"), 0.5),
    "the head of a pack": lambda cached: flip(the(cached, "objects/pack/*.pack"), 0.0),
    "a pack that is cut": lambda cached: cut(the(cached, "objects/pack/*.pack")),
    "an index that is cut": lambda cached: cut(the(cached, "objects/pack/*.idx")),
    "a pack without index": lambda cached: the(cached, "objects/pack/*.idx").unlink(),
    "no pack": lambda cached: shutil.rmtree(cached / "objects/pack"),
    "no objects": lambda cached: shutil.rmtree(cached / "objects"),
    "an empty HEAD": lambda cached: (cached / "HEAD").write_text(""),
    "a config of noise": lambda cached: (cached / "config").write_bytes(b"\0[[["),
    "a shallow file of noise": lambda cached: (cached / "shallow").write_text("noise\n"),
}


@pytest.fixture
def cached(workspace: Workspace, upstream: Upstream) -> Path:
    """The cached repository of a fork whose tree is not laid out."""
    noise = {f"src/{n}": random.Random(n).randbytes(900) for n in range(20)}
    workspace.pin = upstream.commit({**noise, "docs/a": "a\n"})
    workspace.manifest(entry(upstream, workspace.pin))
    workspace.ok("sync")
    shutil.rmtree(workspace.root / "forks")
    (found,) = (cache_root() / "upstreams").iterdir()
    return found


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_said_and_fetched_again(
    workspace: Workspace, cached: Path, damage: str
) -> None:
    DAMAGE[damage](cached)
    assert workspace.run("doctor", "--json") == 1
    (said,) = (c for c in json.loads(workspace.out) if c["subject"] == "cache")
    assert said["verdict"] == "failed" and str(cached) in said["text"]
    workspace.ok("sync")
    assert workspace.head() == workspace.pin
    git(workspace.tree(), "fsck")
    shutil.rmtree(workspace.root / "forks")
    workspace.ok("sync", "--offline")  # from a cache that is sound again


@pytest.mark.parametrize("damage", ["a byte of a pack", "an index that is cut", "an empty HEAD"])
def test_offline_says_that_the_cache_is_damaged(
    workspace: Workspace, cached: Path, damage: str
) -> None:
    DAMAGE[damage](cached)
    assert workspace.run("sync", "--offline") == 1
    assert "the cache is damaged" in workspace.err and "without --offline" in workspace.err


@pytest.mark.parametrize("command", [["check"], ["bundle", "-o", "bundle"]])
def test_other_commands_mend_it_too(workspace: Workspace, cached: Path, command: list[str]) -> None:
    workspace.ok("sync")
    workspace.ok("apply")
    DAMAGE["a byte of a pack"](cached)
    workspace.ok(*command)
    workspace.ok("bundle", "-o", "again", "--offline")


def test_a_pin_that_upstream_lost_outlives_the_damage_of_another(
    workspace: Workspace, upstream: Upstream, cached: Path
) -> None:
    kept = workspace.pin
    sound = set(cached.glob("objects/pack/*.pack"))
    newer = upstream.commit({"big": random.Random(99).randbytes(99_000)})
    workspace.manifest(entry(upstream, newer))
    workspace.ok("sync")
    (damaged,) = set(cached.glob("objects/pack/*.pack")) - sound
    flip(damaged, 0.5)
    shutil.rmtree(workspace.root / "forks")
    workspace.ok("sync")
    assert workspace.head() == newer
    shutil.rmtree(workspace.root / "forks")
    upstream.path.rename(upstream.path.with_name("gone"))
    workspace.manifest(entry(upstream, kept))
    workspace.ok("sync", "--offline")
    assert workspace.head() == kept
