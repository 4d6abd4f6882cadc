from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from forkctl_rdt.options import Options, options_of

from forkctl.errors import ForkctlError

GOOD = {"dataset": "spatial", "files": ["/data/a.hdf5"]}


def test_a_config_without_the_section_is_upstreams() -> None:
    assert options_of({"common": {}}) is None


def test_a_section_is_read() -> None:
    said = {**GOOD, "representation": "absolute", "robot_base": [-0.66, 0, 0.912], "holdout": 5}
    options = options_of({"forkctl": said})
    assert options is not None
    assert options.layout.robot_base == (-0.66, 0, 0.912)
    assert options.representation == "absolute" and options.holdout == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reprezentation": "delta"}, "did you mean representation?"),
        ({"dataset": None}, "forkctl.dataset: None is not valid; expected text"),
        ({"files": []}, "forkctl.files: is empty"),
        ({"representation": "normalised"}, "expected one of delta, velocity, absolute"),
        ({"holdout": -1}, "forkctl.holdout: -1 is not valid"),
        ({"seed": -1}, "forkctl.seed: -1 is not valid"),
        ({"robot_base": [0, 1]}, "expected a list of 3 numbers"),
        ({"alignment": "shifted"}, "expected one of auto, raw, aligned"),
        ({"control_hz": 0}, "expected a number above 0"),
        ({"configs": "/no/such/folder"}, "no such folder"),
    ],
)
def test_what_is_not_understood_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ForkctlError, match=re.escape(said)):
        options_of({"forkctl": {**GOOD, **change}})


def test_a_section_without_a_name_and_data() -> None:
    with pytest.raises(ForkctlError, match="forkctl: lacks dataset, files"):
        options_of({"forkctl": {}})


def test_the_runs_own_file_stands_in_for_upstreams(tmp_path: Path) -> None:
    (tmp_path / "dataset_stat.json").write_text("{}")
    options = Options(**{**GOOD, "files": ("a",), "configs": str(tmp_path)})  # type: ignore[arg-type]
    assert options.config_file("configs/dataset_stat.json") == str(tmp_path / "dataset_stat.json")
    theirs = "configs/pretrain_datasets.json"
    assert options.config_file(theirs) == theirs
