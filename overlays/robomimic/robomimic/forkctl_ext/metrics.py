"""One JSON line a training step, for whoever set FORKCTL_METRICS to a path."""

import json
import os
import time
from pathlib import Path

_STEP_PARTS = ("Data_Loading", "Process_Batch", "Train_Batch")


class StepMetrics:
    """Writes the steps of one model's training, counted over epochs."""

    def __init__(self, path):
        self._path = Path(path) if path else None
        self._step = 0

    def write(self, model, epoch, step_log, batch, timing_stats):
        if self._path is None:
            return
        self._step += 1
        seconds = sum(timing_stats[part][-1] for part in _STEP_PARTS)
        line = {
            "step": self._step,
            "epoch": epoch,
            "loss": _number(step_log.get("Loss")),
            "lr": _learning_rate(model),
            "grad_norm": _number(step_log.get("Policy_Grad_Norms")),
            "samples_per_s": round(len(batch["actions"]) / max(seconds, 1e-9), 3),
            "time": round(time.time(), 3),
        }
        append_line(self._path, line)


def append_line(path, values):
    """One write, so that a reader who follows the file never sees half a line for long."""
    with path.open("a") as stream:
        stream.write(json.dumps(values) + "\n")


def record_step(model, epoch, step_log, batch, timing_stats):
    """Called after each training step, with upstream's own clock readings of it."""
    if getattr(model, "step_metrics", None) is None:
        model.step_metrics = StepMetrics(os.environ.get("FORKCTL_METRICS"))
    model.step_metrics.write(model, epoch, step_log, batch, timing_stats)


def _number(value):
    return None if value is None else float(value)


def _learning_rate(model):
    for optimizer in model.optimizers.values():
        if hasattr(optimizer, "param_groups"):
            return float(optimizer.param_groups[0]["lr"])
    return None
