"""Helpers for tests of the engine: edits written as YAML, applied to text."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import NoReturn

from forkctl.patching.drift.trials import OneFile
from forkctl.patching.engine.locate import Located, locate
from forkctl.patching.engine.splice import splice
from forkctl.patching.model import (
    Edit,
    EditStatus,
    PatchOutcome,
    PlainPatch,
    StructuralPatch,
    diagnoses_of,
)
from forkctl.patching.reading.loading import load_patch
from forkctl.patching.series.planning import SeriesFailed, plan_series


def patch_file(folder: Path, edits: str, file: str, name: str = "0001-test.yaml") -> Path:
    """Write a patch file with these edits of one file."""
    indented = textwrap.indent(textwrap.dedent(edits).strip("\n"), "      ")
    path = folder / name
    path.write_text(
        f"subject: Test\nwhy: to see\nfiles:\n  - file: {file}\n    edits:\n{indented}\n"
    )
    return path


def load(folder: Path, edits: str, file: str = "a.py", name: str = "0001-test.yaml") -> Edits:
    patch = load_patch(patch_file(folder, edits, file, name), "series")
    assert isinstance(patch, StructuralPatch)
    return patch.files[0].edits


Edits = tuple[Edit, ...]


def applied(patch: StructuralPatch, data: bytes) -> tuple[PatchOutcome, bytes]:
    """What came of a patch of one file, and the file after it."""

    def never(plain: PlainPatch, current: object) -> NoReturn:
        raise AssertionError("the patch is structural")

    try:
        plan = plan_series(OneFile(patch.files[0].path, data), "", (), [patch], never)
    except SeriesFailed as failed:
        return failed.outcomes[0], data
    after = plan.commits[0].changes[0].content if plan.commits else data
    assert after is not None
    return plan.outcomes[0], after


class Engine:
    """What the tests call. Whether names are defined is left to the tests of verify and planning:
    most of these files are too small to define what they use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def locate(self, before: str | bytes, edits: str, file: str = "a.py") -> Located:
        return locate(file, as_bytes(before), load(self.folder, edits, file))

    def result_bytes(self, before: bytes, edits: str, file: str = "a.py") -> bytes:
        """The new text; fails the test when an edit was refused or the result is not Python."""
        located = self.locate(before, edits, file)
        described = [diagnosis.describe() for diagnosis in diagnoses_of(located.outcomes)]
        assert not described, "\n".join(described)
        result = splice(before, located.changes)
        if file.endswith(".py"):
            compile(result, file, "exec")
        return result

    def result(self, before: str | bytes, edits: str, file: str = "a.py") -> str:
        return self.result_bytes(as_bytes(before), edits, file).decode()

    def code(self, before: str | bytes, edits: str, file: str = "a.py") -> str:
        """The code of the one refusal."""
        located = self.locate(before, edits, file)
        codes = {diagnosis.code.value for diagnosis in diagnoses_of(located.outcomes)}
        assert len(codes) == 1, located.outcomes
        return codes.pop()

    def statuses(self, before: str | bytes, edits: str, file: str = "a.py") -> set[EditStatus]:
        return {outcome.status for outcome in self.locate(before, edits, file).outcomes}


def as_bytes(text: str | bytes) -> bytes:
    return textwrap.dedent(text).encode() if isinstance(text, str) else text
