"""What a model says of held-out demos while it is trained."""

from __future__ import annotations

from typing import Any, Dict

import torch

from forkctl_openvla.dataset import LiberoDataset
from forkctl_openvla.distributed import rank, sum_over_all, world_size


def measure(
    model: Any, data: LiberoDataset, *, samples: int, batch_size: int, dtype: torch.dtype
) -> Dict[str, float]:
    """Means over samples that are the same each time, which all processes share. No dropout, and no
    random number is drawn: a run does not change because it is looked at."""
    device = next(model.parameters()).device
    mine = range(rank(), min(samples, len(data)), world_size())
    sums = torch.zeros(5, dtype=torch.float64)
    model.eval()
    with (
        torch.no_grad(),
        torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16),
    ):
        for start in range(0, len(mine), batch_size):
            batch = data.finished(data.__getitems__(mine[start : start + batch_size]), device)
            sums += _of_batch(model, data, batch, dtype, device)
    model.train()
    loss, count, right, apart, tokens = sum_over_all(sums.to(device)).tolist()
    return {"loss": loss / count, "action_accuracy": right / tokens, "l1": apart / tokens}


def _of_batch(
    model: Any, data: LiberoDataset, batch: Dict[str, Any], dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    labels = batch["labels"].to(device)
    output = model(
        input_ids=batch["input_ids"].to(device),
        attention_mask=batch["attention_mask"].to(device),
        pixel_values=batch["pixel_values"].to(dtype).to(device),
        labels=labels,
    )
    count, words = labels.shape
    truth = labels[:, 1:]
    asked = data.prompts.is_action(truth)
    truth = truth[asked]
    said = output.logits[:, -words:-1].argmax(dim=2)[asked]  # patches of the image come before
    apart = (data.prompts.decoded(said) - data.prompts.decoded(truth)).abs().sum()
    right = (said == truth).sum()
    # every sample has as many tokens, so that the loss of a batch counts as its samples do
    values = [float(output.loss) * count, count, float(right), float(apart), len(truth)]
    return torch.tensor(values, dtype=torch.float64)
