"""The course of the loss up to a checkpoint, where the checkpoint is of a run of forkctl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.training.metrics import read_metrics, series
from forkctl.training.records import FILE, load


@dataclass(frozen=True)
class Course:
    run: str
    losses: tuple[tuple[float, float], ...]  # (step, loss)


def course_of(checkpoint: Path) -> Course | None:
    """None where the checkpoint lies in no run."""
    folder = _run_of(checkpoint)
    if folder is None:
        return None
    run = load(folder)
    until = _saved_at(checkpoint)  # the run went on after that
    metrics = [each for each in read_metrics(run.metrics) if each.get("time", until) <= until]
    return Course(run.id, tuple(series(metrics, "loss")))


def _run_of(checkpoint: Path) -> Path | None:
    """A run links to what upstream saved in it: both paths lie in its folder."""
    for path in (checkpoint.absolute(), checkpoint.resolve()):
        for folder in path.parents:
            if (folder / FILE).is_file():
                return folder
    return None


def _saved_at(checkpoint: Path) -> float:
    files = list(checkpoint.iterdir()) if checkpoint.is_dir() else [checkpoint]
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
