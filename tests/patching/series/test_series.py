"""A series becomes commits: located on the pristine text, one commit per patch, or none at all."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.commits import Author, NewCommit
from forkctl.patching.model import Patch, PlainPatch, Verdict
from forkctl.patching.reading.loading import load_patch, load_series
from forkctl.patching.series.inputs import Overlay
from forkctl.patching.series.planning import SeriesFailed, SeriesPlan, plan_series
from tests.patching.engine_support import patch_file

PRISTINE = {
    "a.py": b"import os\n\n\ndef f(x):\n    y = os.path.join(x)\n    return y\n",
    "b.py": b"value = 1\n",
    "c.json": b'{"k": 1}\n',
}


class Tree:
    """A pinned revision that lives in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def exists(self, path: str) -> bool:
        return any(name == path or name.startswith(f"{path}/") for name in self.files)


def never(patch: PlainPatch, current: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
    raise AssertionError("there is no plain patch in this series")


def plan(
    patches: tuple[Patch, ...],
    *,
    fork: str = "one",
    overlays: tuple[Overlay, ...] = (),
    files: Mapping[str, bytes] = PRISTINE,
    apply_plain: object = never,
) -> SeriesPlan:
    return plan_series(Tree(files), fork, overlays, patches, apply_plain)  # type: ignore[arg-type]


def series(folder: Path, *edits: tuple[str, str]) -> tuple[Patch, ...]:
    """One patch per (file, edits)."""
    root = folder / "patches" / "s"
    root.mkdir(parents=True, exist_ok=True)
    for number, (file, text) in enumerate(edits, start=1):
        patch_file(root, text, file, f"{number:04}-p.yaml")
    return load_series(root.parent, "s")


def contents(commit: NewCommit) -> dict[str, bytes | None]:
    return {change.path: change.content for change in commit.changes}


def overlay(path: str, content: bytes = b"z = 1\n", series: str = "o") -> Overlay:
    return Overlay(series, path, content, False, "sha256:0")


def test_each_patch_is_a_commit_on_top_of_the_ones_before(tmp_path: Path) -> None:
    patches = series(
        tmp_path,
        ("a.py", "- {scope: f, match: return $X, insert_before: print(1)}"),
        ("b.py", "- {append: other = 2}"),
        ("a.py", "- {scope: f, match: return $X, insert_before: print(2)}"),
    )
    made = plan(patches)
    assert [commit.name for commit in made.commits] == [p.name for p in patches]
    assert [list(contents(commit)) for commit in made.commits] == [["a.py"], ["b.py"], ["a.py"]]
    first, last = contents(made.commits[0])["a.py"], contents(made.commits[2])["a.py"]
    assert first is not None and last is not None
    assert b"    print(1)\n    return y\n" in first
    assert b"    print(1)\n    print(2)\n    return y\n" in last
    assert {outcome.verdict for outcome in made.outcomes} == {Verdict.CLEAN}


def test_a_commit_says_what_it_is(tmp_path: Path) -> None:
    (commit,) = plan(series(tmp_path, ("b.py", "- {append: other = 2}"))).commits
    (patch,) = series(tmp_path, ("b.py", "- {append: other = 2}"))
    assert commit.message == (
        f"Test\n\nto see\n\nForkctl-Patch: s/0001-p.yaml\nForkctl-Digest: {patch.digest}\n"
    )
    assert str(tmp_path) not in commit.message
    assert commit.author is None


def test_no_patch_sees_what_another_one_wrote(tmp_path: Path) -> None:
    """Located on the pristine text, the second does not find the first one's code."""
    patches = series(
        tmp_path,
        ("b.py", "- {append: helper = 2}"),
        ("b.py", "- {match: helper = $V, replace: helper = 3}"),
    )
    with pytest.raises(SeriesFailed) as caught:
        plan(patches)
    assert [outcome.verdict for outcome in caught.value.outcomes] == [Verdict.CLEAN, Verdict.GONE]


def test_two_patches_that_want_the_same_text_are_refused(tmp_path: Path) -> None:
    patches = series(
        tmp_path,
        ("a.py", "- {scope: f, match: os.path.join($X), replace: $X}"),
        ("a.py", "- {scope: f, match: x, replace: str(x)}"),
    )
    with pytest.raises(SeriesFailed, match=r"the same text as s/0001-p\.yaml") as caught:
        plan(patches)
    assert caught.value.outcomes[1].verdict is Verdict.BROKEN


def test_two_patches_may_add_to_one_call(tmp_path: Path) -> None:
    patches = series(
        tmp_path,
        ("a.py", "- {scope: f, match: 'os.path.join($$$A)', add_kwarg: k=1}"),
        ("a.py", "- {scope: f, match: 'os.path.join($$$A)', add_kwarg: j=2}"),
    )
    last = contents(plan(patches).commits[-1])["a.py"]
    assert last is not None and b"os.path.join(x, k=1, j=2)" in last


def test_every_failing_patch_is_reported_at_once(tmp_path: Path) -> None:
    patches = series(
        tmp_path,
        ("a.py", "- {scope: g, match: x(), remove: true}"),
        ("b.py", "- {append: other = 2}"),
        ("missing.py", "- {append: other = 2}"),
        ("a.py", "- {scope: f, prepend: undefined_name()}"),
    )
    with pytest.raises(SeriesFailed) as caught:
        plan(patches)
    assert [outcome.verdict for outcome in caught.value.outcomes] == [
        Verdict.GONE,
        Verdict.CLEAN,
        Verdict.GONE,
        Verdict.BROKEN,
    ]
    message = str(caught.value)
    for part in ("no-scope", "no-file", "undefined_name", "3 of 4 patches do not apply", "one:"):
        assert part in message


def test_the_patch_that_breaks_a_file_is_the_one_that_is_named(tmp_path: Path) -> None:
    patches = series(
        tmp_path,
        ("a.py", "- {scope: f, prepend: print(1)}"),
        ("a.py", "- {scope: f, prepend: print(nothing)}"),
        ("a.py", "- {append: print(2)}"),
    )
    with pytest.raises(SeriesFailed) as caught:
        plan(patches)
    assert [o.verdict for o in caught.value.outcomes] == [
        Verdict.CLEAN,
        Verdict.BROKEN,
        Verdict.CLEAN,
    ]


def test_a_patch_that_upstream_has_makes_no_commit(tmp_path: Path) -> None:
    patches = series(tmp_path, ("b.py", "- {match: value = 1, insert_after: other = 2}"))
    made = plan(patches, files={"b.py": b"value = 1\nother = 2\n"})
    assert made.commits == ()
    assert made.outcomes[0].verdict is Verdict.ALREADY


def test_a_patch_for_another_fork_is_left_out(tmp_path: Path) -> None:
    patches = series(tmp_path, ("b.py", "- {match: nowhere(), remove: true}"))
    path = patches[0].path
    path.write_text("forks: [two]\n" + path.read_text())
    made = plan((load_patch(path, "s"),))
    assert made.outcomes[0].verdict is Verdict.NOT_FOR_THIS_FORK
    with pytest.raises(SeriesFailed):
        plan((load_patch(path, "s"),), fork="two")


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("{file: b.py}", True),
        ("{file: nowhere.py}", False),
        ("{file: nowhere.py, exists: false}", True),
        ("{file: b.py, has: value = $V}", True),
        ("{file: b.py, has: value = 2}", False),
        ("{file: b.py, lacks: value = 2}", True),
        ("{file: nowhere.py, has: x()}", False),
        ("{file: nowhere.py, lacks: x()}", True),
        ("{file: a.py, has: return y}", False),
        ("{file: a.py, has: return y, scope: f}", True),
        ("[{file: b.py}, {file: nowhere.py}]", False),
    ],
)
def test_a_patch_is_for_a_situation(tmp_path: Path, condition: str, wanted: bool) -> None:
    (patch,) = series(tmp_path, ("b.py", "- {append: other = 2}"))
    patch.path.write_text(f"when: {condition}\n" + patch.path.read_text())
    made = plan((load_patch(patch.path, "s"),))
    expected = Verdict.CLEAN if wanted else Verdict.NOT_FOR_THIS_FORK
    assert made.outcomes[0].verdict is expected
    assert len(made.commits) == int(wanted)


@pytest.mark.parametrize("condition", ["has", "lacks"])
def test_a_condition_on_what_this_python_cannot_read_is_not_decided(
    tmp_path: Path, condition: str
) -> None:
    """A newer Python may read it: the same inputs must not give other commits there."""
    (patch,) = series(tmp_path, ("b.py", "- {append: other = 2}"))
    when = f"when: {{file: newer.py, {condition}: x()}}\n"
    patch.path.write_text(when + patch.path.read_text())
    files = {**PRISTINE, "newer.py": b"a syntax of tomorrow\n"}
    running = "Python {}.{}".format(*sys.version_info)
    with pytest.raises(SeriesFailed, match=f"newer.py.*{running}: run forkctl under a newer one"):
        plan((load_patch(patch.path, "s"),), files=files)


def test_overlays_come_first_and_collide_with_nothing(tmp_path: Path) -> None:
    patches = series(tmp_path, ("b.py", "- {append: other = 2}"))
    made = plan(patches, overlays=(overlay("new/z.py"), overlay("y.py")))
    assert [commit.name for commit in made.commits] == ["overlays", "0001-p.yaml"]
    assert list(contents(made.commits[0])) == ["new/z.py", "y.py"]
    assert "Forkctl-Overlay: o sha256:" in made.commits[0].message
    for path in ("b.py", "b.py/x.py"):
        with pytest.raises(ForkctlError, match="but upstream has `b"):
            plan(patches, overlays=(overlay(path),))


def test_the_digest_of_an_overlay_is_in_the_commit() -> None:
    messages = {
        plan((), overlays=(o,)).commits[0].message
        for o in (
            overlay("a/z.py"),
            overlay("a/y.py"),
            Overlay("o", "a/z.py", b"", True, "sha256:0"),
            Overlay("o", "a/z.py", b"", False, "sha256:1"),
        )
    }
    assert len(messages) == 4


def plain(files: tuple[str, ...], name: str = "0002-x.patch", **more: object) -> PlainPatch:
    author = Author("Ada", "ada@example.org", "1 +0000")
    return PlainPatch(
        name, "s", Path(name), "sha256:1", "By hand", "", author, b"diff", files, **more
    )  # type: ignore[arg-type]


def test_a_plain_patch_changes_what_the_following_ones_are_located_on(tmp_path: Path) -> None:
    one, three = series(
        tmp_path,
        ("b.py", "- {append: second = 2}"),
        ("b.py", "- {match: third = $V, insert_after: fourth = 4}"),
    )
    seen: list[Mapping[str, bytes | None]] = []

    def apply(patch: PlainPatch, current: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
        seen.append(dict(current))
        content = current["b.py"]
        assert content is not None
        return {"b.py": content + b"third = 3\n", "c.json": None}

    made = plan((one, plain(("b.py", "c.json")), three), apply_plain=apply)
    assert seen == [{"b.py": b"value = 1\nsecond = 2\n"}]
    assert contents(made.commits[1]) == {
        "b.py": b"value = 1\nsecond = 2\nthird = 3\n",
        "c.json": None,
    }
    assert made.commits[1].author == Author("Ada", "ada@example.org", "1 +0000")
    assert made.commits[1].message.startswith("By hand\n\nForkctl-Patch: s/0002-x.patch\n")
    assert contents(made.commits[2])["b.py"] == (b"value = 1\nsecond = 2\nthird = 3\nfourth = 4\n")


def test_a_plain_patch_that_does_not_apply_is_one_failure_among_others(tmp_path: Path) -> None:
    (one,) = series(tmp_path, ("b.py", "- {match: nowhere(), remove: true}"))

    def refuse(
        patch: PlainPatch, current: Mapping[str, bytes | None]
    ) -> Mapping[str, bytes | None]:
        raise ForkctlError("it does not apply to b.py")

    with pytest.raises(SeriesFailed, match="it does not apply to") as caught:
        plan((one, plain(("b.py",))), apply_plain=refuse)
    assert [o.verdict for o in caught.value.outcomes] == [Verdict.GONE, Verdict.BROKEN]


def test_a_plain_patch_must_leave_whole_files_and_sets_modes() -> None:
    def broken(
        patch: PlainPatch, current: Mapping[str, bytes | None]
    ) -> Mapping[str, bytes | None]:
        return {"b.py": b"value = (\n"}

    with pytest.raises(SeriesFailed, match=r"does not compile: .*: run forkctl under a newer one"):
        plan((plain(("b.py",)),), apply_plain=broken)

    def same(patch: PlainPatch, current: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
        return {"b.py": PRISTINE["b.py"]}

    made = plan((plain(("b.py",), executable={"b.py": True}),), apply_plain=same)
    assert made.commits[0].changes[0].executable is True
    assert plan((plain(("b.py",)),), apply_plain=same).commits == ()


def test_trailers_of_a_message_stay_one_paragraph() -> None:
    from forkctl.patching.series.commit_messages import message

    assert message("S", "Why.\n\nSigned-off-by: A <a>", ["Forkctl-Patch: x"]) == (
        "S\n\nWhy.\n\nSigned-off-by: A <a>\nForkctl-Patch: x\n"
    )
    assert message("S", "Note: this is prose.\nAnd more.", ["T: x"]) == (
        "S\n\nNote: this is prose.\nAnd more.\n\nT: x\n"
    )
