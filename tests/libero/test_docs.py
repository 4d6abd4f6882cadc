"""The tables of docs/libero-data.md say what the code does."""

from __future__ import annotations

import re

import pytest

from forkctl.families.registry import conventions
from forkctl.libero import schema, suites
from forkctl.libero.units import resampling
from forkctl.libero.units.counting import EXACT_VALUES, RELATIVE_ERROR
from tests import ROOT

CONVENTIONS = conventions()

PAGE = (ROOT / "docs" / "libero-data.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines if not set(line[0]) <= {"-"}][1:]


def whole_numbers(text: str) -> list[int]:
    """ "30 to 32" or "10" """
    ends = [int(number) for number in re.findall(r"\d+", text)]
    return list(range(ends[0], ends[-1] + 1)) if ends else []


def without_words(row: list[str]) -> list[str]:
    return [row[0], *(cell for cell in row[1:] if cell.isdigit())]


@pytest.mark.parametrize("name", CONVENTIONS)
def test_dimensions(name: str) -> None:
    section = PAGE.split(f"### `{name}`\n")[1].split("\n#")[0]
    described = []
    for names, unit, span, slots, _ in rows(section):
        low, high = span.split(" to ")
        group = names.split(", ")
        places = whole_numbers(slots) or [None] * len(group)
        assert len(places) == len(group)
        described += [
            (each, unit, float(low), float(high), slot)
            for each, slot in zip(group, places, strict=True)
        ]
    assert described == [(d.name, d.unit, d.low, d.high, d.slot) for d in CONVENTIONS[name].dims]


def test_suites() -> None:
    table = rows(PAGE.split("## The benchmark")[1].split("\n## ")[0])
    assert [(name, *map(int, numbers)) for name, *numbers in map(without_words, table)] == [
        (suite.name, len(suite.tasks), suite.longest_raw_demo, suite.max_steps)
        for suite in suites.SUITES.values()
    ]
    counts = [suite.regenerated_demos for suite in suites.SUITES.values()]
    assert "{}, {}, {} and {} demos".format(*counts) in PAGE.replace("\n  ", " ")


def test_datasets() -> None:
    tree = PAGE.split("## A file")[1].split("There are two layouts")[0]
    for spec in schema.DEMO_DATASETS:
        assert spec.name in tree
    for spec in schema.LOW_DIM_OBS + schema.FRAME_OBS:
        assert spec.name in tree.split("obs/", 1)[1]


def test_numbers_in_the_text() -> None:
    assert f"{EXACT_VALUES:,} distinct values" in PAGE
    assert f"one part in {1 / RELATIVE_ERROR:,.0f}" in PAGE
    assert resampling.factor_for(5) == 4
    assert "held for four steps" in PAGE
