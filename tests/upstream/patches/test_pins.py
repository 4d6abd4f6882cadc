"""The patches of this repository on the real upstreams, at the pins of forks.toml."""

from __future__ import annotations

import ast
import subprocess
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forkctl.forks.manifest import Fork, GitSource, load
from forkctl.patching.engine.locate import locate
from forkctl.patching.model import EditStatus, StructuralPatch, Verdict
from forkctl.patching.reading.loading import load_patch, load_series
from forkctl.patching.series.planning import applies_to
from tests import ROOT
from tests.driver import Workspace, git
from tests.patching.engine_support import applied

FORKS = {fork.name: fork for fork in load(ROOT / "forks.toml").forks}
FROM_GIT = [name for name, fork in FORKS.items() if isinstance(fork.source, GitSource)]


class Pinned:
    """The revision that a fork is pinned to, in the repository of its tree."""

    def __init__(self, tree: Path, fork: Fork) -> None:
        assert isinstance(fork.source, GitSource)
        self.tree, self.revision = tree, fork.source.revision
        self.paths = set(git(tree, "ls-tree", "-r", "--name-only", self.revision).split("\n"))

    def read(self, path: str) -> bytes | None:
        if path not in self.paths:
            return None
        shown = ["git", "-C", str(self.tree), "show", f"{self.revision}:{path}"]
        return subprocess.run(shown, capture_output=True, check=True).stdout

    def exists(self, path: str) -> bool:
        return any(known == path or known.startswith(f"{path}/") for known in self.paths)


@pytest.mark.parametrize("name", FROM_GIT)
def test_a_series_finds_again_what_it_made(name: str, real: Callable[..., Workspace]) -> None:
    tree = real(name).tree(name)
    pinned, edits = Pinned(tree, FORKS[name]), defaultdict(list)
    for series in FORKS[name].series:
        for patch in load_series(ROOT / "patches", series):
            assert isinstance(patch, StructuralPatch)
            for file in patch.files:
                if applies_to(patch, name, pinned) and pinned.exists(file.path):
                    edits[file.path] += file.edits
    assert edits
    for path, made in edits.items():
        located = locate(path, (tree / path).read_bytes(), made)
        assert located.changes == ()
        statuses = {outcome.status for outcome in located.outcomes}
        assert statuses <= {EditStatus.ALREADY, EditStatus.NOT_NEEDED}, located.outcomes
        assert EditStatus.ALREADY in statuses


def test_the_transfer_is_refused_where_only_the_resume_load_is_left(
    real: Callable[..., Workspace],
) -> None:
    """The silent wrong application that the facts page tells of."""
    patch = load_patch(ROOT / "patches/robomimic/0003-checkpoint-transfer.yaml", "robomimic")
    assert isinstance(patch, StructuralPatch)
    (file,) = patch.files
    pristine = Pinned(real("robomimic").tree("robomimic"), FORKS["robomimic"]).read(file.path)
    assert pristine is not None
    load = next(edit for edit in file.edits if edit.id == "load")
    assert applied(replace(patch, forks=(), when=()), pristine)[0].verdict is Verdict.CLEAN
    # the same file, where the only load of this shape is made on resuming
    (branch,) = [
        node
        for node in ast.walk(ast.parse(pristine))
        if isinstance(node, ast.If)
        and "ckpt_path is not None" in ast.unparse(node.test)
        and "model.deserialize" in ast.unparse(node)
    ]
    lines = pristine.decode().splitlines(keepends=True)
    lines[branch.lineno - 1] = " " * branch.col_offset + "if resume:\n"
    resume_only = "".join(lines).encode()
    ast.parse(resume_only)
    located = locate(file.path, resume_only, [load])
    assert located.failed and located.changes == ()
