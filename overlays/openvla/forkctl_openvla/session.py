"""The hooks of finetune.py, in the order in which it calls them.

`begin` gives a `LiberoRun` where `--forkctl` names options, and otherwise an `UpstreamRun`, which
does what upstream does.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple, Union

import torch

from forkctl.errors import ForkctlError
from forkctl.inside.metrics import StepMetrics, asked_for
from forkctl_openvla import checkpoints, lora
from forkctl_openvla.describing import describe
from forkctl_openvla.distributed import rank, world_size
from forkctl_openvla.metrics import Steps
from forkctl_openvla.options import FP32, Options, load

Batches = Iterable[Any]

STOPPED = "forkctl: stopped: "


def begin(cfg: Any, run_dir: Path) -> Union["UpstreamRun", "LiberoRun"]:
    if cfg.forkctl is None:
        return UpstreamRun()
    return _or_exit(lambda: LiberoRun(cfg, load(cfg.forkctl), run_dir))


class UpstreamRun:
    """No options: upstream's behaviour, but for saving once a step instead of once a batch."""

    autocasts = True

    def __init__(self) -> None:
        self._stepped = False

    def configure_lora(self, config: Any) -> None:
        pass

    def prepare(self, model: Any) -> None:
        pass

    def resume(self, optimizer: Any) -> None:
        pass

    def dataset(self, transform: Any, make: Callable[[], Any]) -> Any:
        return make()

    def loader(self, dataset: Any, make: Callable[[], Any]) -> Any:
        return make()

    def batches(self, loader: Batches) -> Iterator[Tuple[int, Any]]:
        return enumerate(loader)

    def dtype(self, upstreams: torch.dtype) -> torch.dtype:
        return upstreams

    def observe(self, loss: Any, action_accuracy: Any, l1: Any) -> None:
        pass

    def step(self, optimizer: torch.optim.Optimizer, model: Any, processor: Any) -> None:
        optimizer.step()
        self._stepped = True

    def may_save(self) -> bool:
        """Upstream asks after every batch; only those that ended a step count."""
        stepped, self._stepped = self._stepped, False
        return stepped


class LiberoRun:
    """LIBERO's HDF5 files, exact steps, and checkpoints that a run can go on from."""

    def __init__(self, cfg: Any, options: Options, run_dir: Path) -> None:
        self._cfg = cfg
        self._options = options
        self._run_dir = Path(run_dir)
        self._from = checkpoints.to_resume(self._run_dir, options.training.resume)
        self._step = 0 if self._from is None else int(self._from.name.rpartition("-")[2])
        self._optimizer: Optional[torch.optim.Optimizer] = None
        self._model: Any = None
        self._metrics: Optional[Steps] = None
        self._data: Any = None
        self._held_out: Any = None
        self._batches: List[int] = []  # of the step that is being made
        self.autocasts = options.training.precision != FP32
        if options.training.epochs is None:
            self._require_steps()
        torch.manual_seed(options.training.seed)

    def configure_lora(self, config: Any) -> None:
        lora.configure(config, self._options.training)

    def prepare(self, model: Any) -> None:
        """Before DDP looks at the parameters."""
        training = self._options.training
        self._model = model
        if not self.autocasts:
            model.float()
        if training.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
            model.enable_input_require_grads()
        if self._cfg.use_lora and training.wants_fp32_lora(self._cfg.learning_rate):
            lora.keep_in_float32(model)
        if self._from is not None:
            _or_exit(lambda: checkpoints.load_weights(model, self._from))

    def resume(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer  # its state is loaded when the data is known

    def dataset(self, transform: Any, make: Callable[[], Any]) -> Any:
        from forkctl_openvla.building import build, build_held_out

        self._data = _or_exit(lambda: build(self._cfg, self._options, transform, self._model))
        training = self._options.training
        if training.epochs is not None:
            samples = training.epochs * len(self._data)
            self._cfg.max_steps = math.ceil(samples / self._samples_per_step)
            _or_exit(self._require_steps)
        if training.eval_steps:
            self._held_out = _or_exit(lambda: build_held_out(self._cfg, self._options, self._data))
        return self._data

    def loader(self, dataset: Any, make: Callable[[], Any]) -> Batches:
        from forkctl_openvla.dataset import Positions, loader

        accumulation = self._cfg.grad_accumulation_steps
        self._positions = Positions(
            self._step * accumulation,
            self._cfg.max_steps * accumulation,
            self._cfg.batch_size,
            rank(),
            world_size(),
        )
        return loader(
            dataset,
            self._positions,
            workers=self._options.dataset.workers,
            pin_memory=torch.cuda.is_available(),
        )

    def batches(self, loader: Batches) -> Iterator[Tuple[int, Any]]:
        """Numbered on from where the run stopped, and no more than max_steps need."""
        if rank() == 0:
            self._metrics = self._new_metrics()
        torch.manual_seed(self._options.training.seed + 1 + rank())  # dropout, apart on each rank
        if self._from is not None:
            _or_exit(self._restore)
        first = self._step * self._cfg.grad_accumulation_steps
        device = next(self._model.parameters()).device
        for number, batch in enumerate(loader, first):
            self._batches.append(number)
            yield number, self._data.finished(batch, device)

    def dtype(self, upstreams: torch.dtype) -> torch.dtype:
        """Of images, on their way into the model."""
        return upstreams if self.autocasts else torch.float32

    def observe(self, loss: Any, action_accuracy: Any, l1: Any) -> None:
        if self._metrics is not None:
            self._metrics.observe(loss=loss.detach(), action_accuracy=action_accuracy, l1=l1)
        if not torch.isfinite(loss):
            self._stop(f"the loss is {float(loss)}", self._batches[-1:])

    def step(self, optimizer: torch.optim.Optimizer, model: Any, processor: Any) -> None:
        limit = self._options.training.max_grad_norm or float("inf")
        trained = [each for group in optimizer.param_groups for each in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(trained, limit)
        if not torch.isfinite(norm):
            self._stop(f"the gradient is {float(norm)}", self._batches)
        share = self._options.training.share_of_rate(self._step + 1, self._cfg.max_steps)
        for group in optimizer.param_groups:
            group["lr"] = self._cfg.learning_rate * share
        optimizer.step()
        self._step += 1
        self._batches.clear()
        if self._metrics is not None:
            rate = float(optimizer.param_groups[0]["lr"])
            self._metrics.write(self._step, lr=rate, grad_norm=float(norm))
        last = self._step == self._cfg.max_steps
        every = self._options.training.eval_steps
        if every and (last or self._step % every == 0):
            self._look_at_held_out()
        if last or self._step % self._cfg.save_steps == 0:
            self._save(optimizer, processor, last)

    def may_save(self) -> bool:
        return False  # `step` has done it

    def _look_at_held_out(self) -> None:
        from forkctl_openvla.validating import measure

        means = measure(
            self._model,
            self._held_out,
            samples=self._options.training.eval_samples,
            batch_size=self._cfg.batch_size,
            dtype=self.dtype(torch.bfloat16),
        )
        if self._metrics is not None:
            self._metrics.write_held_out(self._step, means)

    def _stop(self, what: str, batches: List[int]) -> None:
        """Before the optimizer carries it into the weights: those of the last save stay good."""
        step = self._step + 1
        if self._metrics is not None:
            self._metrics.write(step, lr=self._cfg.learning_rate, grad_norm=math.nan)
        positions = [place for number in batches for place in self._positions.of(number)]
        named = (
            f"batch {batches[0]}" if len(batches) == 1 else f"batches {batches[0]} to {batches[-1]}"
        )
        sys.exit(f"{STOPPED}{what} at step {step}, in {named}: {self._data.named(positions)}")

    @property
    def _samples_per_step(self) -> int:
        cfg = self._cfg
        return int(cfg.batch_size * cfg.grad_accumulation_steps * world_size())

    def _require_steps(self) -> None:
        if self._step >= self._cfg.max_steps:
            raise ForkctlError(
                f"max_steps {self._cfg.max_steps} is reached already", where=str(self._from)
            )

    def _save(self, optimizer: torch.optim.Optimizer, processor: Any, last: bool) -> None:
        kind = checkpoints.weights_kind(
            use_lora=self._cfg.use_lora,
            quantised=self._cfg.use_quantization,
            merge=self._options.training.merge,
            last=last,
        )
        contents = checkpoints.Contents(
            model=self._model,
            processor=processor,
            optimizer=optimizer,
            statistics=self._data.dataset_statistics,
            sidecar=describe(self._cfg, self._options, self._data, self._step, kind),
            identity=self._identity(),
        )
        keep = not self._cfg.save_latest_checkpoint_only
        folder = _or_exit(lambda: checkpoints.save(self._run_dir, contents, keep_older=keep))
        if self._metrics is not None:
            print(f"saved {folder}", flush=True)
            self._metrics.metrics.start_clock()

    def _restore(self) -> None:
        assert self._from is not None and self._optimizer is not None
        checkpoints.load_optimizer(self._optimizer, self._from, self._identity())
        checkpoints.load_random_state(self._from)

    def _identity(self) -> dict[str, Any]:
        cfg, training = self._cfg, self._options.training
        return {
            "processes": world_size(),
            "batch_size": cfg.batch_size,
            "grad_accumulation_steps": cfg.grad_accumulation_steps,
            "learning_rate": cfg.learning_rate,
            "schedule": training.schedule,
            "warmup_steps": training.warmup_steps,
            "max_steps": None if training.schedule == "constant" else cfg.max_steps,
            "precision": training.precision,
            "seed": training.seed,
            "samples": len(self._data),
        }

    def _new_metrics(self) -> Steps:
        cfg = self._cfg
        return Steps(
            StepMetrics(asked_for()),
            last_step=cfg.max_steps,
            console_every=self._options.training.console_every,
            samples_per_step=self._samples_per_step,
            samples_per_epoch=len(self._data),
        )


def _or_exit(work: Callable[[], Any]) -> Any:
    """What a user can mend is said without a traceback."""
    try:
        return work()
    except ForkctlError as error:
        sys.exit(f"forkctl: {error}")
