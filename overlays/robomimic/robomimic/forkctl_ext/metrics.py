"""What a run writes of each training step."""

from forkctl.inside.metrics import StepMetrics, asked_for

_STEP_PARTS = ("Data_Loading", "Process_Batch", "Train_Batch")


def record_step(model, epoch, step_log, batch, timing_stats):
    """Called after each training step, with upstream's own clock readings of it."""
    if getattr(model, "step_metrics", None) is None:
        model.step_metrics = StepMetrics(asked_for())
    metrics = model.step_metrics
    metrics.step(
        metrics.next_step(epoch),
        epoch,
        len(batch["actions"]),
        loss=_number(step_log.get("Loss")),
        lr=_learning_rate(model),
        grad_norm=_number(step_log.get("Policy_Grad_Norms")),
        seconds=sum(timing_stats[part][-1] for part in _STEP_PARTS),
    )


def _number(value):
    return None if value is None else float(value)


def _learning_rate(model):
    for optimizer in model.optimizers.values():
        if hasattr(optimizer, "param_groups"):
            return float(optimizer.param_groups[0]["lr"])
    return None
