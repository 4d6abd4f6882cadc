"""What the launchers of torch's own launcher share: one process a GPU, metrics from an overlay."""

from __future__ import annotations

from forkctl.errors import UsageError
from forkctl.family import Config
from forkctl.training.metrics import Metric


def processes_of(config: Config) -> int:
    processes = config.get("processes", 1)
    if not isinstance(processes, int) or processes < 1:
        raise UsageError(
            f"{processes!r} is no number of processes",
            where="processes",
            hint="one for each GPU, or 1",
        )
    return processes


def torchrun(processes: int) -> list[str]:
    """The words before the entrypoint."""
    words = ["-m", "torch.distributed.run", "--standalone", "--nnodes", "1"]
    return [*words, "--nproc-per-node", str(processes)]


class NoReader:
    """Upstream prints no metrics; our overlay writes them."""

    def feed(self, line: str) -> Metric | None:
        return None
