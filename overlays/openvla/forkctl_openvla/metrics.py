"""One JSON line an optimizer step for whoever set FORKCTL_METRICS; now and then one to read."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional


@dataclass
class StepMetrics:
    """`observe` takes each micro-batch, `write` ends the step. Only the main process has one."""

    path: Optional[Path]
    last_step: int
    console_every: int
    samples_per_step: int
    samples_per_epoch: int
    _seen: List[Dict[str, float]] = field(default_factory=list)
    _since: float = field(default_factory=time.perf_counter)

    def observe(self, **values: Any) -> None:
        self._seen.append({name: float(value) for name, value in values.items()})

    def write(self, step: int, *, lr: float, grad_norm: Optional[float]) -> None:
        seconds = max(time.perf_counter() - self._since, 1e-9)
        means = {
            name: sum(each[name] for each in self._seen) / len(self._seen) for name in self._seen[0]
        }
        line = {
            "step": step,
            "epoch": (step - 1) * self.samples_per_step // self.samples_per_epoch,
            "loss": means.pop("loss"),
            "lr": lr,
            "grad_norm": grad_norm,
            "samples_per_s": round(self.samples_per_step / seconds, 3),
            "time": round(time.time(), 3),
            **means,
        }
        self._seen.clear()
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        if step == 1 or step % self.console_every == 0 or step == self.last_step:
            self._say(line)
        self.start_clock()

    def start_clock(self) -> None:
        """What happens between two steps (saving, say) is not the time of a step."""
        self._since = time.perf_counter()

    def _say(self, line: Dict[str, Any]) -> None:
        from tqdm import tqdm

        tqdm.write(
            f"step {line['step']}/{self.last_step}  loss {line['loss']:.4f}  "
            f"action accuracy {line['action_accuracy']:.3f}  l1 {line['l1']:.4f}  "
            f"{line['samples_per_s']:.1f} samples/s"
        )
