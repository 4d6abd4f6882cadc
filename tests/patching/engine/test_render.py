"""All edits of a file are made, or none; and the result is whole, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.patching.model import EditStatus, PatchOutcome, StructuralPatch, Verdict
from forkctl.patching.reading.loading import load_patch
from tests.patching.engine_support import applied, patch_file

FILE = b"import os\n\n\ndef f(a):\n    b = os.path.join(a)\n    return b\n"


def render(folder: Path, edits: str, data: bytes) -> tuple[PatchOutcome, bytes]:
    patch = load_patch(patch_file(folder, edits, "a.py"), "series")
    assert isinstance(patch, StructuralPatch)
    return applied(patch, data)


def verdict(folder: Path, edits: str, data: bytes = FILE) -> tuple[Verdict, str]:
    outcome, content = render(folder, edits, data)
    codes = ",".join(diagnosis.code.value for diagnosis in outcome.diagnoses)
    if outcome.verdict is not Verdict.CLEAN:
        assert content == data
    return outcome.verdict, codes


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ("- {scope: f, match: return $X, insert_before: print(b)}", (Verdict.CLEAN, "")),
        (
            "- {scope: f, match: return $X, insert_before: log(b)}",
            (Verdict.BROKEN, "broken-result"),
        ),
        ("- {match: import os, remove: true}", (Verdict.BROKEN, "broken-result")),
        ("- {scope: f, prepend: del b}", (Verdict.BROKEN, "broken-result")),
        ("- {append: return 1}", (Verdict.BROKEN, "broken-result")),
        ("- {append: break}", (Verdict.BROKEN, "broken-result")),
        ("- {scope: f, match: c(), remove: true}", (Verdict.GONE, "no-anchor")),
        ("- {scope: g, match: b(), remove: true}", (Verdict.GONE, "no-scope")),
        ("- {match: os.path.join(a), insert_before: print()}", (Verdict.MOVED, "no-anchor")),
        ("- {scope: g, match: os.path.join(a), replace: a}", (Verdict.MOVED, "no-scope")),
        ("- {scope: f, match: b, insert_after: print()}", (Verdict.BROKEN, "kind")),
        ("- {scope: f, match: $A.path, replace: 1, expect: 2}", (Verdict.GONE, "no-anchor")),
        ("- {append: import os}\n- {match: nope(), remove: true}", (Verdict.GONE, "no-anchor")),
        ("- {match: x(), optional: true, remove: true}", (Verdict.GONE, "")),
        ("- {scope: f, prepend: b = os.path.join(a)}", (Verdict.ALREADY, "")),
    ],
)
def test_verdicts(tmp_path: Path, edits: str, expected: tuple[Verdict, str]) -> None:
    assert verdict(tmp_path, edits) == expected


def test_a_name_that_was_missing_before_may_stay_missing(tmp_path: Path) -> None:
    data = b"def f():\n    return unknown\n"
    assert verdict(tmp_path, "- {scope: f, prepend: x = unknown}", data) == (Verdict.CLEAN, "")
    assert verdict(tmp_path, "- {scope: f, prepend: x = other}", data)[0] is Verdict.BROKEN


def test_one_failing_edit_keeps_the_others_back(tmp_path: Path) -> None:
    edits = "- {scope: f, prepend: c = 1}\n- {scope: f, match: missing(), remove: true}"
    outcome, content = render(tmp_path, edits, FILE)
    assert content == FILE
    assert [edit.status for edit in outcome.edits] == [EditStatus.APPLIED, EditStatus.FAILED]


def test_a_diagnosis_names_anchor_scope_and_nearest_places(tmp_path: Path) -> None:
    data = (
        b"class Policy:\n"
        b"    def train(self, batch):\n"
        b"        loss = self.compute_losses(batch, weight=2)\n"
        b"        return loss\n"
        b"    def test(self):\n"
        b"        pass\n"
    )
    edits = "- {id: hook, scope: Policy.train, match: loss = self.compute_loss($B), remove: true}"
    (diagnosis,) = render(tmp_path, edits, data)[0].diagnoses
    assert diagnosis.code.value == "no-anchor"
    assert diagnosis.edit == "hook"
    assert diagnosis.anchor == "loss = self.compute_loss($B)"
    assert diagnosis.scope == "Policy.train"
    nearest = diagnosis.candidates[0]
    assert (nearest.line, nearest.scope) == (3, "Policy.train")
    assert 0.4 < nearest.similarity < 1.0
    described = diagnosis.describe()
    assert "no-anchor" in described and "line 3 in Policy.train" in described


def test_a_missing_scope_names_those_like_it(tmp_path: Path) -> None:
    data = b"class Policy:\n    def train_step(self): pass\n"
    edits = "- {scope: Policy.train, append: x = 1}"
    (diagnosis,) = render(tmp_path, edits, data)[0].diagnoses
    assert diagnosis.code.value == "no-scope"
    assert diagnosis.candidates[0].text == "Policy.train_step"


def test_a_file_that_did_not_compile_is_refused_when_it_is_python_at_all(tmp_path: Path) -> None:
    assert verdict(tmp_path, "- {append: x = 1}", b"def (\n") == (Verdict.BROKEN, "parse")
    odd = b"return 1\n"  # parses, but never compiled
    assert render(tmp_path, "- {prepend: x = 1}", odd)[1] == b"x = 1\nreturn 1\n"
