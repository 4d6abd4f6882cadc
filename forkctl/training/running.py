"""Carry out a run that was planned and checked: start, watch, record."""

from __future__ import annotations

import math
import os
import platform
import shutil
import socket
import subprocess
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

from forkctl import configs
from forkctl.configs import Config
from forkctl.environments.binding import Place, binding_key
from forkctl.environments.process_group import Outcome, run_in_group
from forkctl.errors import ForkctlError
from forkctl.family import Launcher
from forkctl.inside.metrics import VARIABLE, append_line
from forkctl.reading import reason
from forkctl.training import failure, metrics, records
from forkctl.training.comparing import flattened
from forkctl.training.data import identity_of
from forkctl.training.identity import named_weights, own_code
from forkctl.training.planning import RunPlan
from forkctl.training.records import Run, RunRecord
from forkctl.training.secrets import masked
from forkctl.training.view import View

_TAIL = 200
# One bad batch may pass; a model whose weights are not numbers stays so.
NON_FINITE_LOSSES = 10
_DIVERGED_HINT = (
    "lower the learning rate and look at the data (forkctl data validate); if the loss was never a "
    "number, at the checkpoint that it began with. What was saved since holds no policy"
)
# Told to every run unless the user chose otherwise: wandb without a network does not hang, and
# waiting threads sleep (on few cores a training step took 7 times as long without).
DEFAULTS = {"WANDB_MODE": "offline", "OMP_WAIT_POLICY": "PASSIVE"}


class RunFailed(ForkctlError):
    """The entrypoint did not succeed; `tail` is the end of its log."""

    def __init__(self, run: Run, tail: tuple[str, ...], hint: str | None) -> None:
        super().__init__(
            f"the run {run.record.status}: {run.record.reason}",
            where=run.id,
            hint=hint or f"forkctl runs logs {run.folder.name}",
        )
        self.run = run
        self.tail = tail


def start_run(plan: RunPlan) -> Run:
    """Write into the run's folder what runs: the config as upstream gets it, and the record."""
    assert plan.place is not None
    launcher, tree = plan.resolved.launcher, plan.resolved.tree
    run = Run(plan.folder, _record(plan))
    configs.write_config(run.config, plan.rendered)
    if plan.changes:
        (plan.folder / "changes.diff").write_text(tree.difference(), encoding="utf-8")
    records.save(run)
    try:
        launcher.prepare(plan.rendered, plan.folder, plan.place)
    except KeyboardInterrupt:
        run.update(status=records.INTERRUPTED, reason="interrupted", pid=None)
        raise
    except BaseException as error:
        run.update(status=records.FAILED, reason=str(error) or type(error).__name__, pid=None)
        raise
    return run


def _record(plan: RunPlan) -> RunRecord:
    resolved, answer = plan.resolved, plan.answer
    assert plan.place is not None and answer is not None
    environment = plan.place.environment
    fork, state = resolved.fork, resolved.tree.state
    lock = resolved.selection.lock if environment.ours else None
    lock_digest = lock.digest if lock else None
    cwd = resolved.launcher.working_folder(plan.folder, resolved.tree.path)
    checkpoint = identity_of(resolved.checkpoint) if resolved.checkpoint else None
    weights = named_weights(flattened(plan.rendered), cwd)
    # what the run begins with may go later: a resumed one does not read it
    began_with = (checkpoint or {}).get("sha256")
    weights = {key: found for key, found in weights.items() if found != began_with}
    return RunRecord(
        fork=fork.name,
        kind=fork.require_entrypoint().kind,
        name=resolved.name,
        started=records.now(),
        command=masked(plan.command),
        words=masked(resolved.words),
        cwd=str(cwd),
        fork_state={
            "pin": state.pin,
            "series": resolved.tree.series,
            "without": list(state.without),
            "head": state.head,
            "tree": state.tree,
            "dirty": bool(plan.changes),
        },
        environment={
            "binding": binding_key(state.pin, resolved.tree.series, lock_digest, answer.python),
            "prefix": str(environment.prefix),
            "profile": environment.profile,
            "lock": str(lock.path) if lock else None,
            "lock_digest": lock_digest,
            "python": answer.python,
            "versions": dict(answer.versions),
            "origins": dict(answer.origins),
        },
        data={
            "fingerprint": plan.fingerprint,
            "files": [str(file.absolute()) for file in resolved.files],
        },
        checkpoint=checkpoint,
        config=str(resolved.request.config),
        steps=resolved.launcher.steps_of(plan.rendered),
        host=socket.gethostname(),
        pid=os.getpid(),  # until the entrypoint has one: the run is being prepared
        settings=masked(resolved.request.settings),
        checks={each.subject: each.text for each in plan.checks},
        notes={
            "platform": platform.platform(),
            "gpus": _gpus(),
            "forkctl": own_code(),
            "weights": weights,
        },
    )


def _gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def carry_out(plan: RunPlan, run: Run, view: View) -> Run:
    """Run the entrypoint to its end. Raises RunFailed, or KeyboardInterrupt when interrupted."""
    assert plan.place is not None
    return follow(plan.resolved.launcher, run, plan.command, plan.rendered, plan.place, view)


def follow(
    launcher: Launcher,
    run: Run,
    command: tuple[str, ...],
    config: Config,
    place: Place,
    view: View,
) -> Run:
    """Run the command, show and keep what it says, and write how it ended."""
    variables = {**DEFAULTS, **place.variables, VARIABLE: str(run.metrics)}
    watch = _Watch(launcher, run, config, view)
    began = time.monotonic()
    try:
        outcome = run_in_group(
            command,
            environment=variables,
            cwd=Path(run.record.cwd),
            log=run.log,
            started=lambda pid: records.save(_with(run, pid=pid, status=records.RUNNING)),
            on_line=watch.line,
            on_tick=watch.tick,
        )
    except OSError as error:
        raise ForkctlError(f"cannot start it: {reason(error)}", where=command[0]) from None
    finally:
        view.close()
    watch.tick()
    records.link_checkpoints(run, launcher.checkpoints(run.folder))
    ended = _ended(run, outcome, watch, time.monotonic() - began)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if ended.record.status == records.FAILED:
        raise RunFailed(ended, tuple(watch.tail), failure.hint(watch.tail))
    if ended.record.status == records.DIVERGED:
        raise RunFailed(ended, (), _DIVERGED_HINT)
    return ended


def _ended(run: Run, outcome: Outcome, watch: _Watch, seconds: float) -> Run:
    tail = list(watch.tail)
    said = watch.launcher.failure(tail)
    if outcome.interrupted:
        status, reason = records.INTERRUPTED, "interrupted"
    elif watch.losses.diverged or (watch.losses.bad and (said or outcome.returncode == 0)):
        status, reason = records.DIVERGED, said or watch.losses.words
    elif outcome.returncode != 0 or said:
        status, reason = records.FAILED, failure.reason(outcome.returncode, tail, said)
    else:
        status, reason = records.FINISHED, None
    return run.update(
        status=status,
        reason=reason,
        returncode=outcome.returncode,
        seconds=round((run.record.seconds or 0) + seconds, 1),
        finished=records.now(),
        pid=None,
    )


def _with(run: Run, **changes: Any) -> Run:
    return Run(run.folder, replace(run.record, **changes))


class _Losses:
    """How many of the last ones in a row were not numbers."""

    def __init__(self) -> None:
        self.bad = 0
        self._since: int | None = None

    def see(self, metric: metrics.Metric) -> None:
        loss = metric.get("loss")
        if not isinstance(loss, int | float):
            return
        self.bad = 0 if math.isfinite(loss) else self.bad + 1
        if self.bad == 1:
            self._since = metric["step"]

    @property
    def diverged(self) -> bool:
        return self.bad >= NON_FINITE_LOSSES

    @property
    def words(self) -> str:
        return f"the loss is not a number from step {self._since} on"


class _Watch:
    """Collects what the process says: its log's tail, and metrics from overlay or log."""

    def __init__(self, launcher: Launcher, run: Run, config: Config, view: View) -> None:
        self.launcher = launcher
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.losses = _Losses()
        self._run = run
        self._view = view
        self._reader = launcher.log_reader(config)
        self._file = metrics.MetricsFile(run.metrics)
        self._timeline, self._printed = metrics.Timeline(), metrics.Timeline()
        for metric in self._file.new():  # what an earlier part of a resumed run has written
            if metric.get("split", "train") == "train":
                self._timeline.place(metric)
                self._printed.place(metric)
        self._overlay_writes = False
        self._checkpoints_seen = 0.0

    def line(self, text: str) -> None:
        self.tail.append(text)
        if self.launcher.worth_showing(text):
            self._view.line(text)
        metric = self._reader.feed(text)
        if metric is None:
            return
        self.tick()
        if metric.get("split") == "valid" or not self._overlay_writes:
            if metric.get("step") is not None:  # a script may count from its resume on
                metric = metrics.with_step(metric, self._printed)
            append_line(self._run.metrics, {**metric, "time": time.time()})
            self._take(self._file.new(), from_overlay=False)

    def tick(self) -> bool:
        """Has it gone on for long enough?"""
        self._take(self._file.new(), from_overlay=True)
        if time.monotonic() - self._checkpoints_seen > 5:
            self._checkpoints_seen = time.monotonic()
            records.link_checkpoints(self._run, self.launcher.checkpoints(self._run.folder))
        return self.losses.diverged

    def _take(self, new: list[metrics.Metric], *, from_overlay: bool) -> None:
        self._overlay_writes = self._overlay_writes or (from_overlay and bool(new))
        for metric in new:
            if metric.get("split", "train") == "train":
                metric = metrics.with_step(metric, self._timeline)
                self.losses.see(metric)
            self._view.metric(metric)
