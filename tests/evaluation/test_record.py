from __future__ import annotations

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.evaluation.record import Entry, Record, read_record

SETUP = {"label": "x", "seed": 0}


def entry(episode: str, arm: str = "policy", value: float = 0.123456789) -> Entry:
    truth = np.full((3, 7), value)
    return Entry(
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


def test_what_was_added_is_read_back(tmp_path):
    path = tmp_path / "sub" / "predictions.jsonl"
    Record(path, SETUP).add(entry("demo_1"))
    again = Record(path, SETUP)
    assert ("policy", "task/demo_1") in again
    (found,) = again.arm("policy")
    assert found.truth == pytest.approx(entry("demo_1").truth, rel=1e-6)
    assert found.chunks.shape == (3, 2, 7)
    assert found.tokens.tolist() == entry("demo_1").tokens.tolist()
    assert found.invalid.tolist() == [0, 1, 2]
    assert found.conventions == {"observations": ["agentview_rgb"]}


def test_it_is_only_ever_appended_to(tmp_path):
    path = tmp_path / "r.jsonl"
    Record(path, SETUP).add(entry("demo_1"))
    before = path.read_bytes()
    Record(path, SETUP).add(entry("demo_2"))
    assert path.read_bytes().startswith(before)
    assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize("lost", [1, 20, 200])
def test_a_torn_last_line_is_dropped_and_the_rest_kept(tmp_path, lost):
    path = tmp_path / "r.jsonl"
    record = Record(path, SETUP)
    record.add(entry("demo_1"))
    record.add(entry("demo_2"))
    path.write_bytes(path.read_bytes()[:-lost])
    resumed = Record(path, SETUP)
    assert [e.episode for e in resumed.arm("policy")] == ["task/demo_1"]
    resumed.add(entry("demo_2"))
    assert [e.episode for e in Record(path, SETUP).arm("policy")] == ["task/demo_1", "task/demo_2"]


def test_a_torn_first_line_starts_over(tmp_path):
    path = tmp_path / "r.jsonl"
    Record(path, SETUP)
    path.write_bytes(path.read_bytes()[:-5])
    Record(path, SETUP).add(entry("demo_1"))
    assert len(Record(path, SETUP).arm("policy")) == 1


def test_another_setup_never_mixes_in(tmp_path):
    path = tmp_path / "r.jsonl"
    Record(path, SETUP).add(entry("demo_1"))
    before = path.read_bytes()
    with pytest.raises(ForkctlError, match="another seed"):
        Record(path, {**SETUP, "seed": 1})
    assert path.read_bytes() == before


def test_a_file_that_is_no_record_is_left_alone(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("my notes\nmore\n")
    with pytest.raises(ForkctlError, match="not a record"):
        Record(path, SETUP)
    with pytest.raises(ForkctlError, match="not a record"):
        read_record(path)
    assert path.read_text() == "my notes\nmore\n"


def test_nan_survives(tmp_path):
    path = tmp_path / "r.jsonl"
    Record(path, SETUP).add(entry("demo_1", value=float("nan")))
    (found,) = Record(path, SETUP).arm("policy")
    assert np.isnan(found.chunks).all()


def test_arms_are_apart_and_in_the_order_that_is_asked_for(tmp_path):
    record = Record(tmp_path / "r.jsonl", SETUP)
    for name in ("demo_2", "demo_1"):
        record.add(entry(name))
    record.add(entry("demo_1", arm="base"))
    assert record.arms == ("policy", "base")
    order = ["task/demo_1", "task/demo_2", "task/demo_3"]
    assert [e.episode for e in record.arm("policy", order)] == order[:2]
    assert len(record.arm("base")) == 1


def test_reading_where_nothing_is(tmp_path):
    with pytest.raises(ForkctlError, match="no record"):
        read_record(tmp_path / "r.jsonl")
