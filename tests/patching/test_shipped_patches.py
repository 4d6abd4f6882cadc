"""The patches of this repository on the real upstreams, at the pins of forks.toml and before."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from engine_support import applied

from forkctl.forks.manifest import Fork, GitSource, load
from forkctl.patching.engine.locate import locate
from forkctl.patching.model import Edit, EditStatus, PlainPatch, StructuralPatch, Verdict
from forkctl.patching.reading.lint import lint
from forkctl.patching.reading.loading import all_series, load_patch, load_series
from forkctl.patching.series.inputs import load_overlays
from forkctl.patching.series.planning import SeriesPlan, applies_to, plan_series

ROOT = Path(__file__).parents[2]
FORKS = ("robomimic", "droid", "openvla", "openvla-oft", "rdt")


class Upstream:
    """One revision of a bare clone."""

    def __init__(self, repository: Path, revision: str) -> None:
        self.repository = repository
        self.revision = revision
        self.paths = set(self._git("ls-tree", "-r", "--name-only", revision).decode().split("\n"))

    def read(self, path: str) -> bytes | None:
        return self._git("show", f"{self.revision}:{path}") if path in self.paths else None

    def exists(self, path: str) -> bool:
        return any(known == path or known.startswith(f"{path}/") for known in self.paths)

    def _git(self, *args: str) -> bytes:
        done = subprocess.run(
            ["git", "-C", str(self.repository), *args], capture_output=True, check=True
        )
        return done.stdout


def never(patch: PlainPatch, current: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
    raise AssertionError("the series of this repository are structural")


def planned(fork: Fork, upstream: Upstream) -> SeriesPlan:
    patches = [p for name in fork.series for p in load_series(ROOT / "patches", name)]
    overlays = load_overlays(ROOT / "overlays", fork.overlays)
    return plan_series(upstream, fork.name, overlays, patches, never)


@pytest.mark.upstream
@pytest.mark.parametrize("name", FORKS)
def test_a_series_applies_to_its_pin_once(name: str, upstream_clone: Callable[[str], Path]) -> None:
    fork = load(ROOT / "forks.toml").fork(name)
    assert isinstance(fork.source, GitSource)
    upstream = Upstream(upstream_clone(name), fork.source.revision)
    made = planned(fork, upstream)
    verdicts = {o.patch.name: o.verdict for o in made.outcomes}
    assert set(verdicts.values()) <= {Verdict.CLEAN, Verdict.NOT_FOR_THIS_FORK}, verdicts
    assert Verdict.CLEAN in verdicts.values()

    final: dict[str, bytes] = {}
    for commit in made.commits:
        for change in commit.changes:
            assert change.content is not None
            final[change.path] = change.content
    for path, edits in edits_by_file(made, fork.name, upstream).items():
        located = locate(path, final[path], edits)
        statuses = {outcome.status for outcome in located.outcomes}
        assert located.changes == ()
        wrong = [o for o in located.outcomes if o.status is EditStatus.FAILED]
        assert statuses <= {EditStatus.ALREADY, EditStatus.NOT_NEEDED}, wrong


def edits_by_file(made: SeriesPlan, fork: str, upstream: Upstream) -> dict[str, list[Edit]]:
    """The edits that were made, file by file."""
    edits: dict[str, list[Edit]] = {}
    for outcome in made.outcomes:
        assert isinstance(outcome.patch, StructuralPatch)
        if applies_to(outcome.patch, fork, upstream):
            for file in outcome.patch.files:
                if upstream.exists(file.path):
                    edits.setdefault(file.path, []).extend(file.edits)
    return edits


@pytest.mark.upstream
def test_the_transfer_is_refused_where_only_the_resume_load_is_left(
    upstream_clone: Callable[[str], Path],
) -> None:
    """The silent wrong application that the facts page tells of."""
    repository = upstream_clone("robomimic")
    patch = load_patch(ROOT / "patches/robomimic/0003-checkpoint-transfer.yaml", "robomimic")
    assert isinstance(patch, StructuralPatch)
    (file,) = patch.files
    pristine = Upstream(repository, "ae5799f0fae05c4559ee1f9645b0f77eb5251929").read(file.path)
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


@pytest.mark.parametrize("series", all_series(ROOT / "patches"))
def test_a_shipped_patch_asks_for_no_second_look(series: str) -> None:
    for patch in load_series(ROOT / "patches", series):
        assert lint(patch) == ()
        assert len(patch.why) > 40
