"""The oracle of benchmarks/public_forks: what is right to it, and that it knows every version."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.public_forks.command import structural_patches
from benchmarks.public_forks.expected import expected_of
from benchmarks.public_forks.forks import DEVELOPMENT, HELD_OUT, load_forks
from benchmarks.public_forks.judgements import Judged, Spot, Standing, judgements_of
from benchmarks.public_forks.places import NoSuchPlace, find, header
from forkctl.forks.manifest import load
from tests import ROOT

PATCHES = ROOT / "patches"

LOADER = """\
import data

class Loader:
    def items(self, kind):
        if kind == "ours":
            found = data.read(kind)
        else:
            found = data.read("theirs")
        def inner():
            found = data.read("inner")
        return found

def main():
    print(Loader().items("ours"))
    print("done")

if __name__ == "__main__":
    main()
"""


def head_at(address: str) -> str:
    import ast

    return header(find(ast.parse(LOADER), address).statement)


@pytest.mark.parametrize(
    ("address", "head"),
    [
        ("Loader.items / if kind == 'ours' :: found = #1", "found = data.read(kind)"),
        ("Loader.items / if kind / else :: found =", "found = data.read('theirs')"),
        ("Loader.items.inner :: found =", "found = data.read('inner')"),
        ("main :: print( #2", "print('done')"),
        ("<module> :: if __name__", "if __name__ == '__main__':"),
    ],
)
def test_a_place_is_told_by_what_stands_there_and_around_it(address: str, head: str) -> None:
    assert head_at(address) == head


@pytest.mark.parametrize(
    "address",
    [
        "Loader.items :: found =",  # twice
        "main :: print( #3",
        "main / if kind :: print(",
        "Loader.missing :: found =",
    ],
)
def test_a_place_that_is_missing_or_there_twice_is_an_error(address: str) -> None:
    with pytest.raises(NoSuchPlace):
        head_at(address)


def met(after: str, *edits: tuple[dict[str, Any], Spot], before: str = LOADER) -> bool:
    judged = [(edit, Judged(Standing.HERE, (spot,))) for edit, spot in edits]
    return expected_of(before.encode(), judged).is_met_by(after.encode())


HOOK = {"insert_after": "hook(found)"}
PLACE = Spot("after", "Loader.items / if kind / else :: found =")


def test_a_hook_counts_where_it_was_judged_to_be_and_not_in_another_branch() -> None:
    theirs, ours = 'found = data.read("theirs")', "found = data.read(kind)"
    assert met(LOADER.replace(theirs, f"{theirs}  # seen\n            hook(found)"), (HOOK, PLACE))
    assert not met(LOADER.replace(ours, f"{ours}\n            hook(found)"), (HOOK, PLACE))
    assert not met(LOADER, (HOOK, PLACE))


IMPORT = ({"insert_after": "from ours import hook"}, Spot("top"))


def test_an_import_may_stand_anywhere_at_the_top_level_before_it_is_used() -> None:
    added = "from ours import hook\n"
    assert met(added + LOADER, IMPORT)
    assert met(LOADER.replace("class", f"{added}class"), IMPORT)
    assert met(added + added + LOADER, IMPORT, before=added + LOADER)
    assert not met(LOADER + added, IMPORT)  # `if __name__` has run by then
    guarded = "try:\n    import data\nexcept ImportError:\n    "
    assert not met(LOADER.replace("import data\n", guarded + added), IMPORT)
    assert not met(LOADER, IMPORT)


def test_how_operands_and_imports_are_grouped_makes_no_difference() -> None:
    before = "def f():\n    if a and b:\n        from m import x, y\n"
    edit = ({}, Spot("in", "f :: if a", {"whole": "ready() and $MATCH"}))
    guarded = "def f():\n    if ready() and (a and b):\n"
    after = guarded + "        from m import y\n        from m import x\n"
    assert met(after, edit, before=before)
    assert not met(after.replace("import y", "import z"), edit, before=before)


def test_two_edits_of_one_statement_are_both_made() -> None:
    changed = Spot("in", "main :: print( #2", {"from": "'done'", "to": "'over'"})
    wrapped = ({"wrap": "if loud:\n    $MATCH"}, Spot("guard", "main :: print( #2"))
    after = LOADER.replace('print("done")', 'if loud:\n        print("over")')
    assert met(after, ({}, changed), wrapped)
    assert not met(after.replace("over", "done"), ({}, changed), wrapped)


def test_no_fork_is_in_both_sets_and_every_patch_is_judged() -> None:
    developed, held = load_forks(DEVELOPMENT), load_forks(HELD_OUT)
    assert not {f.repository for f in developed} & {f.repository for f in held}
    known = {fork.name for fork in load(ROOT / "forks.toml").forks}
    assert {fork.like for fork in (*developed, *held)} <= known
    for series in ("robomimic", "openvla", "rdt"):
        patches = structural_patches(PATCHES, [series])
        assert {patch.name.removesuffix(".yaml") for patch in patches} == set(judgements_of(series))
