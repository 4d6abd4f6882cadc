"""The worked examples of docs/patch-authors-guide.md do what the guide says they do."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from forkctl.patching.engine.diagnosis import Code
from forkctl.patching.model import EditStatus, Verb, diagnoses_of
from tests import ROOT
from tests.patching.engine_support import Engine

GUIDE = ROOT / "docs" / "patch-authors-guide.md"
_BLOCKS = re.compile(
    r"^```(?P<language>python|json|yaml) before\n(?P<before>.*?)^```\n.*?"
    r"^```yaml edits\n(?P<edits>.*?)^```\n.*?"
    r"^```(?P=language) after\n(?P<after>.*?)^```\n",
    re.MULTILINE | re.DOTALL,
)


class Example(NamedTuple):
    line: int
    file: str
    before: str
    edits: str
    after: str


def examples() -> list[Example]:
    text = GUIDE.read_text()
    ending = {"python": "py", "json": "json", "yaml": "yaml"}
    return [
        Example(
            text.count("\n", 0, found.start()) + 1,
            f"example.{ending[found['language']]}",
            found["before"],
            found["edits"],
            found["after"],
        )
        for found in _BLOCKS.finditer(text)
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda e: f"line-{e.line}")
def test_an_example_gives_what_it_shows(example: Example, engine: Engine) -> None:
    assert engine.result(example.before, example.edits, example.file) == example.after


@pytest.mark.parametrize("example", examples(), ids=lambda e: f"line-{e.line}")
def test_an_example_applied_again_changes_nothing(example: Example, engine: Engine) -> None:
    located = engine.locate(example.after, example.edits, example.file)
    assert located.changes == ()
    if "remove: true" in example.edits and "prepend:" not in example.edits:
        # what is gone cannot be told from what was renamed
        assert {d.code for d in diagnoses_of(located.outcomes)} == {Code.NO_ANCHOR}
    else:
        assert {o.status for o in located.outcomes} == {EditStatus.ALREADY}, located.outcomes


def test_every_operation_has_an_example() -> None:
    shown = "\n".join(example.edits for example in examples())
    missing = [v.value for v in Verb if not re.search(rf"^\s+{v.value}:", shown, re.MULTILINE)]
    assert missing == []


def test_every_block_of_the_guide_belongs_to_an_example() -> None:
    assert GUIDE.read_text().count("```yaml edits") == len(examples())
