"""Options and side-cars are read strictly, and a refusal says what, where, and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from forkctl.errors import ForkctlError
from forkctl.inside.checked import option, read


@dataclass(frozen=True)
class Window:
    steps: int = option(1, least=1)


@dataclass(frozen=True)
class Options:
    name: str
    mode: str = option("mean", among=("mean", "every"))
    scale: float = option(1.0, above=0)
    rotate: bool = True
    base: tuple[float, float, float] = (0.0, 0.0, 0.0)
    files: tuple[str, ...] = ()
    alpha: int | None = option(None, least=1)
    targets: str | tuple[str, ...] = option("all", among=("all", "attention"))
    versions: Mapping[str, Any] = field(default_factory=dict)
    window: Window = field(default_factory=Window)


def test_what_is_left_out_has_its_default() -> None:
    assert read(Options, {"name": "a"}) == Options("a")


def test_lists_become_tuples_whole_numbers_become_floats_and_parts_are_read_too() -> None:
    said = {
        "name": "a",
        "scale": 2,
        "base": [-0.66, 0, 0.912],
        "files": ["a.hdf5"],
        "alpha": None,
        "targets": ["q_proj"],
        "versions": {"torch": "2.1"},
        "window": {"steps": 4},
    }
    made = read(Options, said)
    assert made.base == (-0.66, 0.0, 0.912) and made.files == ("a.hdf5",)
    assert type(made.scale) is float and made.window == Window(4)
    assert made.targets == ("q_proj",) and made.versions == {"torch": "2.1"}
    assert read(Options, {"name": "a", "targets": "attention"}).targets == "attention"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mode": "fast"}, "own.mode: 'fast' is not valid; expected one of mean, every"),
        ({"scale": 0}, "own.scale: 0 is not valid; expected a number above 0"),
        ({"scale": float("nan")}, "own.scale: nan is not valid"),
        ({"scale": True}, "own.scale: True is not valid"),
        ({"rotate": "yes"}, "own.rotate: 'yes' is not valid; expected true or false"),
        ({"rotate": 1}, "own.rotate: 1 is not valid"),
        ({"base": [0, 1]}, "own.base: [0, 1] is not valid; expected a list of 3 numbers"),
        ({"base": [0, 1, "2"]}, "own.base: [0, 1, '2'] is not valid"),
        ({"files": "a.hdf5"}, "own.files: 'a.hdf5' is not valid; expected a list of texts"),
        ({"files": [""]}, "own.files: [''] is not valid"),
        ({"alpha": 0}, "0 is not valid; expected a whole number of at least 1 or null"),
        ({"alpha": 1.5}, "own.alpha: 1.5 is not valid"),
        ({"alpha": True}, "own.alpha: True is not valid"),
        ({"targets": "qkvo"}, "expected one of all, attention or a list of texts"),
        ({"versions": []}, "own.versions: [] is not valid; expected keys and values"),
        ({"window": {"steps": 0}}, "own.window.steps: 0 is not valid"),
        ({"window": 4}, "own.window: 4 is not valid; expected keys and values"),
        ({"name": ""}, "own.name: '' is not valid; expected text"),
        ({"scales": 2}, "own.scales: there is no such key\nHint: did you mean scale?"),
        ({"window": {"x": 2}}, "own.window.x: there is no such key\nHint: there are steps"),
        ({7: 2}, "own.7: there is no such key"),
    ],
)
def test_a_refusal_says_what_where_and_what_is_expected(change: Any, said: str) -> None:
    with pytest.raises(ForkctlError) as caught:
        read(Options, {"name": "a", **change}, "own.")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("values", "prefix", "said"),
    [
        ({}, "own.", "own: lacks name"),
        ([1], "own.", "own: [1] is not valid; expected keys and values"),
        (None, "a/options.json: ", "a/options.json: None is not valid"),
        ({}, "", "lacks name"),
    ],
)
def test_what_is_wrong_with_the_whole_is_said_of_the_whole(
    values: Any, prefix: str, said: str
) -> None:
    with pytest.raises(ForkctlError) as caught:
        read(Options, values, prefix)
    assert str(caught.value).startswith(said)
