"""Helpers for tests of the engine: edits written as YAML, applied to text."""

from __future__ import annotations

import textwrap
from pathlib import Path

from forkctl.patching.loading import load_patch
from forkctl.patching.model import Edit, StructuralPatch
from forkctl.patching.render import Rendering, render


def patch_file(folder: Path, edits: str, file: str, name: str = "0001-test.yaml") -> Path:
    """Write a patch file with these edits of one file."""
    indented = textwrap.indent(textwrap.dedent(edits).strip("\n"), "      ")
    path = folder / name
    path.write_text(
        f"subject: Test\nwhy: to see what happens\nfiles:\n  - file: {file}\n    edits:\n{indented}\n"
    )
    return path


def load(folder: Path, edits: str, file: str = "a.py", name: str = "0001-test.yaml") -> Edits:
    patch = load_patch(patch_file(folder, edits, file, name), "series")
    assert isinstance(patch, StructuralPatch)
    return patch.files[0].edits


def edits_from(edits: str, file: str, folder: Path) -> Edits:
    return load(folder, edits, file)


Edits = tuple[Edit, ...]


class Engine:
    """What the tests call: `engine(before, edits)` renders one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, before: str | bytes, edits: str, file: str = "a.py") -> Rendering:
        data = textwrap.dedent(before).encode() if isinstance(before, str) else before
        return render(file, data, load(self.folder, edits, file))

    def result(self, before: str | bytes, edits: str, file: str = "a.py") -> str:
        """The new text; fails the test when an edit was refused."""
        rendering = self(before, edits, file)
        described = [diagnosis.describe() for diagnosis in rendering.diagnoses]
        assert not described, "\n".join(described)
        return rendering.content.decode()

    def code(self, before: str | bytes, edits: str, file: str = "a.py") -> str:
        """The code of the one refusal; the file must be untouched."""
        data = textwrap.dedent(before).encode() if isinstance(before, str) else before
        rendering = render(file, data, load(self.folder, edits, file))
        assert rendering.content == data
        codes = {diagnosis.code.value for diagnosis in rendering.diagnoses}
        assert len(codes) == 1, rendering.outcomes
        return codes.pop()
