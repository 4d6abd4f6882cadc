"""The hooks that need torch and upstream's own classes, asked in the fork's environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.driver import Fork

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(rdt: Fork, demos: Path) -> Any:
    """One process answers all questions."""
    said = rdt.says(str(rdt.scripts / "probe_loading.py"), str(demos))
    return json.loads(said.splitlines()[-1])


def test_workers_of_two_processes_draw_apart(answers: Any) -> None:
    """torch seeds them alike where the processes' generators are in step, as accelerate's are."""
    first, second = answers["drawn"]["unseeded"]
    assert first == second, "what is wrong without the hook"
    first, again, second = answers["drawn"]["seeded"]
    assert first == again
    assert not set(first) & set(second)


def test_the_loader_gives_up(answers: Any) -> None:
    asked, kind, said = answers["tries"]["mistake"]
    assert (asked, kind) == (10, "RuntimeError")
    assert "sample 3" in said and "libero_gaol" in said, "from 2 on, the tenth is 3 of 4"


def test_broken_data_and_an_interrupt_end_it_at_once(answers: Any) -> None:
    assert answers["tries"]["broken file"][:2] == [1, "DataFileError"]
    assert "a.hdf5:demo_1" in answers["tries"]["broken file"][2]
    assert answers["tries"]["Ctrl-C"][:2] == [1, "KeyboardInterrupt"]


def test_errors_beside_those_of_the_mean(answers: Any) -> None:
    truth, mean, beside = (answers["errors"][name] for name in ("truth", "mean", "beside"))
    assert set(truth) == set(mean)
    names = ["delta_x", "delta_y", "delta_z", "turn_x", "turn_y", "turn_z", "gripper_open"]
    assert [name.split("relative_")[1] for name in truth if name[:8] == "relative"] == names
    for name in names:
        assert truth[f"relative_{name}"] == pytest.approx(0, abs=1e-6)
        assert mean[f"relative_{name}"] == pytest.approx(1, abs=1e-5)
    assert beside["error_delta_x_m"] == pytest.approx(0.005)
    assert 0 < beside["relative_delta_x"] < 1
    assert beside["error_delta_y_m"] == 0


def test_a_norm_under_autocast_keeps_the_type(answers: Any) -> None:
    assert answers["norms"] == ["torch.float32", "torch.bfloat16"]


def test_the_comparison_of_representations_runs(rdt: Fork) -> None:
    """Untrained, and so worth nothing; but each variant answers with actions."""
    script = str(ROOT / "benchmarks" / "rdt_representations.py")
    said = rdt.says(script, "--demos", "2", "--held-out", "1", "--steps", "1", "--seeds", "1")
    rows = [line for line in said.splitlines() if "±" in line]
    assert len(rows) == 6
    for row in rows:
        means = [float(cell.split("±")[0]) for cell in row.split() if "±" in cell]
        assert len(means) == 8
        assert min(means) > 0.9, "nothing is better than a constant after one step"
