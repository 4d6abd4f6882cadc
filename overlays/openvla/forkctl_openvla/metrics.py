"""What a run writes of each step, and now and then a line to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from forkctl.inside.metrics import StepMetrics


@dataclass
class Steps:
    """`observe` takes each micro-batch, `write` ends the step. Only the main process has one."""

    metrics: StepMetrics
    last_step: int
    console_every: int
    samples_per_step: int
    samples_per_epoch: int
    _seen: List[Dict[str, float]] = field(default_factory=list)

    def observe(self, **values: Any) -> None:
        self._seen.append({name: float(value) for name, value in values.items()})

    def write(self, step: int, *, lr: float, grad_norm: Optional[float]) -> None:
        means = {
            name: sum(each[name] for each in self._seen) / len(self._seen) for name in self._seen[0]
        }
        self._seen.clear()
        line = self.metrics.step(
            step, self._epoch(step), self.samples_per_step, lr=lr, grad_norm=grad_norm, **means
        )
        if step == 1 or step % self.console_every == 0 or step == self.last_step:
            self._say(line)

    def write_held_out(self, step: int, means: Dict[str, float]) -> None:
        self.metrics.valid(step, self._epoch(step), means)

    def _epoch(self, step: int) -> int:
        return (step - 1) * self.samples_per_step // self.samples_per_epoch + 1

    def _say(self, line: Dict[str, Any]) -> None:
        from tqdm import tqdm

        tqdm.write(
            f"step {line['step']}/{self.last_step}  loss {line['loss']:.4f}  "
            f"action accuracy {line['action_accuracy']:.3f}  l1 {line['l1']:.4f}  "
            f"{line['samples_per_s']:.1f} samples/s"
        )
