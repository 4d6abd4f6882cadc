"""Which policy a command means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.evaluation.policies.launching import PolicyProcess
from forkctl.evaluation.policies.remote_policy import RemotePolicy
from forkctl.places import cache_root

BASELINE = "baseline:"


@dataclass(frozen=True)
class PolicyChoice:
    """What a command says of the policy: a fork's checkpoint, a policy file's, or a baseline in
    place of the fork."""

    fork: str | None
    policy: Path | None = None
    checkpoint: Path | None = None
    device: str = "auto"
    own: str | None = None  # an environment of the user's
    profile: str | None = None
    stats_key: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)  # passed to what loads the policy

    @property
    def label(self) -> str:
        if self.policy is not None:
            return self.policy.stem
        return (self.fork or "").replace(BASELINE, "baseline-")

    @property
    def baseline(self) -> str | None:
        if self.fork is not None and self.fork.startswith(BASELINE):
            return self.fork[len(BASELINE) :]
        return None

    def check(self, command: str) -> None:
        """Refuse what can be refused without looking at anything."""
        if (self.fork is None) == (self.policy is None):
            raise UsageError(
                "name either a fork or a policy file",
                hint=f"forkctl eval {command} FORK --ckpt FILE, or --policy FILE",
            )
        if self.fork is not None and self.baseline is None and self.checkpoint is None:
            raise UsageError("no checkpoint to evaluate", hint="name it with --ckpt")


# Finds the process for a policy that is not built in; it may raise.
PolicyLauncher = Callable[[PolicyChoice], PolicyProcess]


def loaded_policy(
    choice: PolicyChoice, process: PolicyProcess, name: str, checkpoint: Path | None, **more: object
) -> RemotePolicy:
    options = {**choice.options, **process.bound, **more}
    if choice.stats_key:
        options["unnorm_key"] = choice.stats_key
    return RemotePolicy(
        process.worker,
        checkpoint.absolute() if checkpoint else None,
        process.launch,
        cache_root() / "logs" / f"eval-{choice.label}-{name}.log",
        process.conventions,
        choice.device,
        options,
    )
