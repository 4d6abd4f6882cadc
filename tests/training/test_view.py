from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from forkctl.errors import UsageError
from forkctl.training import failure
from forkctl.training.plots import Curve, as_text, smoothed, write_png
from forkctl.training.view import Pace, PlainView, clock_text


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    yield Clock()


def test_the_time_left_follows_the_pace_of_late(clock: Clock) -> None:
    pace = Pace(100, clock)
    assert pace.seconds_left is None
    for step in range(1, 61):
        clock.now += 10.0 if step < 5 else 2.0  # the first steps are slow
        pace.reach(step)
    assert pace.seconds_left == pytest.approx(40 * 2.0)


def test_plain_lines_come_now_and_then_and_the_last_always(clock: Clock) -> None:
    out = io.StringIO()
    view = PlainView(100, out, clock)
    for step in range(1, 31):
        clock.now += 1.0
        view.metric({"step": step, "loss": 1 / step, "lr": 1e-4, "samples_per_s": 64.0})
    view.close()
    lines = out.getvalue().splitlines()
    assert len(lines) == 4  # at the 1st, 11th, 21st second, and the end
    assert lines[0].startswith("step 1/100  loss 1.0000  lr 1.00e-04  64 samples/s")
    assert lines[-1].startswith("step 30/100")
    assert "ETA 1:10" in lines[-1]


def test_a_validation_is_always_printed(clock: Clock) -> None:
    out = io.StringIO()
    view = PlainView(None, out, clock)
    view.metric({"step": 1, "loss": 1.0})
    view.metric({"split": "valid", "epoch": 3, "loss": 0.5})
    assert "validation, epoch 3: loss 0.5000" in out.getvalue()


def test_a_validation_without_a_loss_shows_what_it_measured(clock: Clock) -> None:
    """RDT's line ended after the colon."""
    out = io.StringIO()
    measured = {"relative_x": 0.98765, "by_name": "x", **{f"error_{n}": 0.01 for n in range(20)}}
    PlainView(None, out, clock).metric(
        {"step": 20, "epoch": 1, "split": "valid", **measured, "time": 1.7e9}
    )
    (line,) = out.getvalue().splitlines()
    assert line.startswith("validation, epoch 1, step 20: relative_x 0.9877  error_0 0.01  error_1")
    assert line.count("error_") == 7, "one line is enough"


def test_hours_are_shown_as_hours() -> None:
    assert clock_text(59) == "0:59"
    assert clock_text(3600 + 62) == "1:01:02"


def test_a_chart_falls_where_the_values_fall() -> None:
    falling = Curve("a", [(step, 100.0 - step) for step in range(101)])
    chart = as_text([falling], "loss", width=20, height=5).splitlines()
    columns = [
        next(number for number, line in enumerate(chart[1:6]) if line[6 + column :][:1] == "*")
        for column in range(20)
        if any(line[6 + column :][:1] == "*" for line in chart[1:6])
    ]
    assert columns == sorted(columns)
    assert columns[0] == 0
    assert columns[-1] == 4


def test_a_metric_that_a_run_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="no values of lr in b"):
        as_text([Curve("a", [(1, 1.0)]), Curve("b", [])], "lr")


def test_the_png_is_one(tmp_path: Path) -> None:
    target = tmp_path / "plots" / "loss.png"
    write_png([Curve("a", [(1, 1.0), (2, 0.5)])], "loss", target, window=2)
    assert target.read_bytes().startswith(b"\x89PNG")


def test_smoothing_takes_the_last_values_only() -> None:
    assert smoothed([(1, 4.0), (2, 2.0), (3, 0.0)], 2) == [(1, 4.0), (2, 3.0), (3, 1.0)]


def test_the_reason_is_the_last_exception_or_the_signal() -> None:
    tail = ["KeyError: 'first'", "During handling …", "torch.cuda.OutOfMemoryError: no room", "bye"]
    assert failure.reason(1, tail, None) == "torch.cuda.OutOfMemoryError: no room"
    assert "batch" in str(failure.hint(tail))
    assert failure.reason(0, tail, "said so itself") == "said so itself"
    assert "out of memory" in failure.reason(-9, tail, None)
    assert failure.reason(2, ["nothing of use"], None) == "the entrypoint exited with 2"


def test_the_reason_is_a_ranks_and_not_that_of_its_launcher() -> None:
    launcher = "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: "
    tail = [
        "[rank1]: Traceback (most recent call last):",
        "[rank1]: ImportError: DeepSpeed is not installed",
        "E1121 21:00:00.000000 7 torch/distributed/elastic/multiprocessing/api.py:826] failed",
        "Traceback (most recent call last):",
        launcher,
        "=" * 60,
    ]
    assert failure.reason(1, tail, None) == "ImportError: DeepSpeed is not installed"
    assert failure.reason(1, tail[2:], None) == launcher.strip()
    killed = "  traceback : Signal 9 (SIGKILL) received by PID 1234"
    assert "a rank was killed by SIGKILL" in failure.reason(1, [*tail[2:], killed], None)
