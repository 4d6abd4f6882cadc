"""The judgements of benchmarks/public_forks on the trees that they are about."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.public_forks.command import paths_of, structural_patches
from benchmarks.public_forks.expected import expected_of
from benchmarks.public_forks.forks import DEVELOPMENT, load_forks
from benchmarks.public_forks.judgements import judgements_of
from benchmarks.public_forks.judging import Case
from benchmarks.public_forks.methods import by_engine
from benchmarks.public_forks.places import NoSuchPlace
from benchmarks.public_forks.trees import fetch_tree, pinned_tree
from forkctl.errors import ForkctlError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from forkctl.patching.series.planning import applies_to
from tests import ROOT
from tests.conftest import skip_loudly

PATCHES = ROOT / "patches"


def cases(path: Path, fetcher: Fetcher) -> Iterator[Case]:
    manifest = load(ROOT / "forks.toml")
    for fork in load_forks(path):
        series = manifest.fork(fork.like).series
        try:
            tree = fetch_tree(fork, paths_of(PATCHES, series), fetcher)
        except ForkctlError as error:
            print(f"{fork.name}: {error.message}", file=sys.stderr)
            continue
        for patch in structural_patches(PATCHES, series):
            if applies_to(patch, fork.like, tree):
                yield Case(patch, tree)


@pytest.mark.slow
def test_every_version_of_the_development_set_is_judged_and_has_the_places_named(
    fetcher: Fetcher,
) -> None:
    found, unread, misplaced = 0, [], []
    for case in cases(DEVELOPMENT, fetcher):
        found += 1
        unread += [] if case.lacking else case.unread
        for each in case.edits:
            if each.judged.standing.forbids:
                continue
            try:
                expected_of(case.tree.contents[each.path], [(each.edit, each.judged)])
            except NoSuchPlace as error:
                misplaced.append(f"{case.name} {each.id}: {error}")
    if not found:
        skip_loudly("none of the public forks is in reach")
    assert not unread, "\n".join(unread)
    assert not misplaced, "\n".join(misplaced)


@pytest.mark.parametrize("name", ["robomimic", "droid", "openvla", "openvla-oft", "rdt"])
def test_at_its_own_pin_each_patch_is_right_by_the_usual_places(
    name: str, fetcher: Fetcher
) -> None:
    fork = load(ROOT / "forks.toml").fork(name)
    try:
        tree = pinned_tree(fork, paths_of(PATCHES, fork.series), fetcher)
    except ForkctlError as error:
        skip_loudly(error.message)
    for patch in structural_patches(PATCHES, fork.series):
        if not applies_to(patch, name, tree):
            continue
        case, made = Case(patch, tree), by_engine(patch, name, tree).files
        assert made
        for entry in case.raw["files"]:
            path = entry["file"]
            if path not in made:
                continue
            file = judgements_of(patch.series)[case.name].files[path]
            judged = file.of(tree.blobs[path]) or file.usual
            edits = [(edit, judged[edit["id"]]) for edit in entry["edits"]]
            assert expected_of(tree.contents[path], edits).is_met_by(made[path]), patch.title
