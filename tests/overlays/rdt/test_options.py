from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from forkctl_rdt.options import Options, OptionsError, options_of

GOOD = {"dataset": "spatial", "files": ["/data/a.hdf5"]}


def test_a_config_without_the_section_is_upstreams() -> None:
    assert options_of({"common": {}}) is None


def test_a_section_is_read_and_written_again() -> None:
    said = {**GOOD, "representation": "absolute", "robot_base": [-0.66, 0, 0.912], "holdout": 5}
    options = options_of({"forkctl": said})
    assert options is not None
    assert options.layout.robot_base == (-0.66, 0, 0.912)
    assert options.representation == "absolute" and options.holdout == 5
    assert options_of({"forkctl": options.to_section()}) == options


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reprezentation": "delta"}, "unknown keys: reprezentation"),
        ({"dataset": None}, "needs dataset"),
        ({"files": []}, "needs files"),
        ({"files": "/data"}, "files"),
        ({"representation": "normalised"}, "representation"),
        ({"joints": "yes"}, "joints"),
        ({"holdout": -1}, "holdout"),
        ({"holdout": True}, "holdout"),
        ({"robot_base": [0, 1]}, "robot_base"),
        ({"alignment": "shifted"}, "alignment"),
        ({"control_hz": 0}, "control_hz"),
        ({"configs": "/no/such/folder"}, "no such folder"),
    ],
)
def test_what_is_not_understood_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        options_of({"forkctl": {**GOOD, **change}})


def test_a_section_that_is_no_mapping() -> None:
    with pytest.raises(OptionsError, match="not a mapping"):
        options_of({"forkctl": ["delta"]})


def test_the_runs_own_file_stands_in_for_upstreams(tmp_path: Path) -> None:
    (tmp_path / "dataset_stat.json").write_text("{}")
    options = Options(**{**GOOD, "files": ("a",), "configs": str(tmp_path)})  # type: ignore[arg-type]
    assert options.config_file("configs/dataset_stat.json") == str(tmp_path / "dataset_stat.json")
    theirs = "configs/pretrain_datasets.json"
    assert options.config_file(theirs) == theirs
