from __future__ import annotations

from pathlib import Path

from forkctl.inside.metrics import append_line
from forkctl.training.metrics import MetricsFile, read_metrics, series


def line(step: int, epoch: int, loss: float) -> dict[str, float]:
    return {"step": step, "epoch": epoch, "loss": loss}


def test_a_resumed_run_replaces_what_it_did_again() -> None:
    first = [line(1, 1, 0.9), line(2, 1, 0.8), line(3, 2, 0.7)]  # ended within epoch 2
    again = [line(1, 2, 0.6), line(2, 2, 0.5), line(3, 3, 0.4)]  # which counts from one
    assert series([*first, *again], "loss") == [(1, 0.9), (2, 0.8), (3, 0.6), (4, 0.5), (5, 0.4)]


def test_what_counts_on_from_its_checkpoint_is_replaced_too() -> None:
    first = [{"step": step, "loss": 1.0} for step in (1, 2, 3, 4)]
    again = [{"step": step, "loss": 0.5} for step in (3, 4, 5)]  # from a checkpoint at step 2
    assert series([*first, *again], "loss") == [(1, 1.0), (2, 1.0), (3, 0.5), (4, 0.5), (5, 0.5)]


def test_a_resumed_run_that_counts_on_stays_where_it_is() -> None:
    first = [line(step, 1 + (step - 1) // 4, 1.0) for step in range(1, 11)]
    again = [line(step, 3, 0.5) for step in (9, 10, 11)]  # from a checkpoint at step 8
    found = series([*first, *again], "loss")
    assert [step for step, _ in found] == list(range(1, 12))
    assert [value for _, value in found] == [1.0] * 8 + [0.5] * 3
    assert series([*first, *again[1:]], "loss")[-2:] == [(10, 0.5), (11, 0.5)]


def test_validation_and_what_is_no_number_stay_out_of_the_curve() -> None:
    lines = [
        line(1, 1, 0.5),
        {**line(1, 1, 0.1), "split": "valid"},
        line(2, 1, float("nan")),
        {"step": 3, "epoch": 1, "loss": None},
    ]
    assert series(lines, "loss") == [(1, 0.5)]
    assert series(lines, "loss", "valid") == [(1, 0.1)]


def test_an_epoch_stands_for_a_step_that_was_not_written() -> None:
    assert series([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}], "loss") == [
        (1, 2.0),
        (2, 1.0),
    ]


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    growing = MetricsFile(path)
    assert growing.new() == []
    path.write_bytes(b'{"step": 1}\n{"st')
    assert growing.new() == [{"step": 1}]
    with path.open("ab") as out:
        out.write(b'ep": 2}\nnot json\n')
    assert growing.new() == [{"step": 2}]
    append_line(path, {"step": 3})
    assert growing.new() == [{"step": 3}]
    assert read_metrics(path) == [{"step": 1}, {"step": 2}, {"step": 3}]
