"""What the launchers of torch's own launcher share: one process a GPU."""

from __future__ import annotations

from forkctl.configs import Config
from forkctl.errors import UsageError


def processes_of(config: Config) -> int:
    processes = config.get("processes", 1)
    if not isinstance(processes, int) or processes < 1:
        raise UsageError(
            "processes must be a positive integer",
            where="processes",
            hint="one for each GPU, or 1",
        )
    return processes


def torchrun(processes: int) -> list[str]:
    """The words before the entrypoint."""
    words = ["-m", "torch.distributed.run", "--standalone", "--nnodes", "1"]
    return [*words, "--nproc-per-node", str(processes)]
