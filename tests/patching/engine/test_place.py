"""A place is told by what encloses it, not by line numbers or by what stands beside it."""

from __future__ import annotations

import ast

import pytest

from forkctl.patching.drift.trials import place_of

CODE = """\
import os

class Trainer:
    def fit(self, data):
        for batch in data:
            try:
                self.step(batch)
            except ValueError:
                print(batch)
        return os

if os:
    done = True
else:
    done = False
"""


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(CODE.splitlines(), start=1) if line.strip() == text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("import os", "<module>"),
        ("def fit(self, data):", "Trainer"),
        ("for batch in data:", "Trainer / fit"),
        ("self.step(batch)", "Trainer / fit / for / try"),
        ("print(batch)", "Trainer / fit / for / try / except"),
        ("return os", "Trainer / fit"),
        ("done = False", "if"),
    ],
)
def test_what_encloses_a_line(text: str, place: str) -> None:
    assert place_of(ast.parse(CODE), line_of(text)) == place


def test_a_line_in_a_case() -> None:
    code = "match x:\n    case 1:\n        a = 1\n    case 2:\n        if a:\n            b = 2\n"
    assert place_of(ast.parse(code), 6) == "match / case / if"
