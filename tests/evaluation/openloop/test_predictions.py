from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.evaluation.openloop.predictions import (
    EpisodePredictions,
    PredictionRecord,
    open_predictions,
    read_predictions,
)

SETUP = {"label": "x", "seed": 0}


def entry(episode: str, arm: str = "policy", value: float = 0.123456789) -> EpisodePredictions:
    truth = np.full((3, 7), value)
    return EpisodePredictions(
        arm,
        f"task/{episode}",
        "task",
        "do it",
        "/data/task_demo.hdf5",
        truth,
        np.repeat(truth[:, None], 2, axis=1),
        np.full((3, 7), 31872),
        np.array([0, 1, 2]),
        {"observations": ["agentview_rgb"]},
    )


def recorded(
    path: Path, *entries: EpisodePredictions, setup: dict[str, object] = SETUP
) -> PredictionRecord:
    """The record at `path`, with these entries more."""
    with open_predictions(path, setup) as record:
        for each in entries:
            record.add(each)
    return record


def test_what_was_added_is_read_back(tmp_path):
    path = tmp_path / "sub" / "predictions.jsonl"
    recorded(path, entry("demo_1"))
    again = recorded(path)
    assert ("policy", "task/demo_1") in again
    (found,) = again.arm("policy")
    assert found.truth == pytest.approx(entry("demo_1").truth, rel=1e-6)
    assert found.chunks.shape == (3, 2, 7)
    assert found.tokens.tolist() == entry("demo_1").tokens.tolist()
    assert found.invalid.tolist() == [0, 1, 2]
    assert found.conventions == {"observations": ["agentview_rgb"]}


def test_it_is_only_ever_appended_to(tmp_path):
    path = tmp_path / "r.jsonl"
    recorded(path, entry("demo_1"))
    before = path.read_bytes()
    recorded(path, entry("demo_2"))
    assert path.read_bytes().startswith(before)
    assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize("lost", [1, 20, 200])
def test_a_torn_last_line_is_dropped_and_the_rest_kept(tmp_path, lost):
    path = tmp_path / "r.jsonl"
    recorded(path, entry("demo_1"), entry("demo_2"))
    path.write_bytes(path.read_bytes()[:-lost])
    assert [e.episode for e in recorded(path).arm("policy")] == ["task/demo_1"]
    recorded(path, entry("demo_2"))
    assert [e.episode for e in recorded(path).arm("policy")] == ["task/demo_1", "task/demo_2"]


def test_a_torn_first_line_starts_over(tmp_path):
    path = tmp_path / "r.jsonl"
    recorded(path)
    path.write_bytes(path.read_bytes()[:-5])
    recorded(path, entry("demo_1"))
    assert len(recorded(path).arm("policy")) == 1


def test_another_setup_never_mixes_in(tmp_path):
    path = tmp_path / "r.jsonl"
    recorded(path, entry("demo_1"))
    before = path.read_bytes()
    with pytest.raises(ForkctlError, match="another seed"):
        recorded(path, setup={**SETUP, "seed": 1})
    assert path.read_bytes() == before


def test_a_file_that_is_no_record_is_left_alone(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("my notes\nmore\n")
    with pytest.raises(ForkctlError, match="not a record"):
        recorded(path)
    with pytest.raises(ForkctlError, match="not a record"):
        read_predictions(path)
    assert path.read_text() == "my notes\nmore\n"


def test_nan_survives(tmp_path):
    path = tmp_path / "r.jsonl"
    recorded(path, entry("demo_1", value=float("nan")))
    (found,) = recorded(path).arm("policy")
    assert np.isnan(found.chunks).all()


def test_arms_are_apart_and_in_the_order_that_is_asked_for(tmp_path):
    entries = (entry("demo_2"), entry("demo_1"), entry("demo_1", arm="base"))
    record = recorded(tmp_path / "r.jsonl", *entries)
    assert record.arms == ("policy", "base")
    order = ["task/demo_1", "task/demo_2", "task/demo_3"]
    assert [e.episode for e in record.arm("policy", order)] == order[:2]
    assert len(record.arm("base")) == 1


def test_reading_where_nothing_is(tmp_path):
    with pytest.raises(ForkctlError, match="no record"):
        read_predictions(tmp_path / "r.jsonl")


def test_two_writers_at_once_are_refused_and_a_reader_is_not(tmp_path):
    path = tmp_path / "r.jsonl"
    with open_predictions(path, SETUP) as record:
        record.add(entry("demo_1"))
        with pytest.raises(ForkctlError, match="another forkctl is writing"):
            recorded(path)
        assert len(read_predictions(path).arm("policy")) == 1
    assert len(recorded(path).arm("policy")) == 1
