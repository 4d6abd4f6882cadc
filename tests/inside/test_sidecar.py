"""Side-cars of all families: one file, one header, old ones still read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forkctl import __version__
from forkctl.errors import ForkctlError
from forkctl.inside import sidecar
from forkctl.inside.versions import made_by


@dataclass(frozen=True)
class Mine(sidecar.Sidecar):
    family = "mine"

    scale: float
    base: tuple[float, ...] = ()


def written(folder: Path, content: Any) -> Path:
    (folder / sidecar.FILE).write_text(json.dumps(content))
    return folder


def test_what_is_written_reads_back_with_a_header(tmp_path: Path) -> None:
    made = Mine(2.0, (1.0, 0.5))
    made.write(tmp_path)
    assert Mine.read(tmp_path) == made
    kept = json.loads((tmp_path / "forkctl.json").read_text())
    assert kept == {"format": 2, "family": "mine", "scale": 2.0, "base": [1.0, 0.5]}
    assert [path.name for path in tmp_path.iterdir()] == ["forkctl.json"], "nothing beside it"


@pytest.mark.parametrize("header", [{"format": 1}, {"format": 1, "fork": "mine"}])
def test_those_of_the_first_format_are_read(tmp_path: Path, header: Mapping[str, Any]) -> None:
    assert Mine.read(written(tmp_path, {"scale": 2.0, **header})) == Mine(2.0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "is of format None; this forkctl reads 1 and 2"),
        ({"format": 3, "family": "mine", "scale": 2.0}, "is of format 3"),
        ({"format": 2, "family": "theirs", "scale": 2.0}, "of the family theirs, not mine"),
        ({"format": 1, "fork": "theirs", "scale": 2.0}, "of the family theirs, not mine"),
        ({"format": 2, "scale": 2.0}, "of the family None, not mine"),
        ({"format": 2, "family": "mine"}, "forkctl.json: lacks scale"),
        ({"format": 2, "family": "mine", "scale": "2"}, "scale: '2' is not valid"),
        ({"format": 2, "family": "mine", "scale": 2.0, "unit": "m"}, "unit: there is no such key"),
    ],
)
def test_one_that_cannot_be_trusted_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(ForkctlError, match=said) as caught:
        Mine.read(written(tmp_path, content))
    assert str(tmp_path) in str(caught.value)


def test_one_that_is_not_there_or_torn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForkctlError, match="nothing says what the numbers of this model mean"):
        Mine.read(tmp_path)
    (tmp_path / sidecar.FILE).write_text('{"format"')
    with pytest.raises(ForkctlError, match="cannot be read"):
        Mine.read(tmp_path)


def test_what_differs_is_told_for_both_sides() -> None:
    there, here = {"seed": 8, "hz": 20.0}, {"seed": 7, "hz": 20, "name": "a"}
    assert sidecar.differences(there, here, here) == [
        "seed is 8 there and 7 here",
        "name is None there and 'a' here",
    ]


def test_versions_of_what_is_installed() -> None:
    found = made_by("numpy", "no-such-package")
    assert set(found) == {"python", "forkctl", "numpy"}
    assert found["forkctl"].startswith(f"{__version__}+")


def test_whole_checkpoints_are_those_with_a_side_car_by_number(tmp_path: Path) -> None:
    for name in ("step-1000000", "step-000020", "step-000003", "step-last", ".step-000030.partial"):
        (tmp_path / name).mkdir()
        Mine(1.0).write(tmp_path / name)
    (tmp_path / "step-000040").mkdir()
    found = sidecar.whole_checkpoints(tmp_path, "step-")
    assert [(number, path.name) for number, path in found.items()] == [
        (3, "step-000003"),
        (20, "step-000020"),
        (1_000_000, "step-1000000"),
    ]
