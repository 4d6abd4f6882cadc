"""Which policies a command means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.evaluation.openloop.episodes import Episode
from forkctl.evaluation.openloop.scale import Scale
from forkctl.evaluation.policies import baselines
from forkctl.evaluation.policies.launching import PolicyProcess
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.evaluation.policies.remote import RemotePolicy
from forkctl.evaluation.policies.variant import Variant
from forkctl.forks.cache import cache_root

ONLY = "policy"
TUNED, BASE = "fine-tuned", "base"


@dataclass(frozen=True)
class PolicyChoice:
    """The words of a command that say what to evaluate: a fork's checkpoint, a policy file's, or a
    baseline in the place of the fork."""

    fork: str | None
    policy: Path | None
    checkpoint: Path | None
    base: Path | None = None
    device: str = "cpu"
    own: str | None = None
    profile: str | None = None
    own_base: bool = False  # the one that the checkpoint itself names
    stats_key: str | None = None

    @property
    def label(self) -> str:
        if self.policy is not None:
            return self.policy.stem
        return (self.fork or "").replace(baselines.PREFIX, "baseline-")

    @property
    def baseline(self) -> str | None:
        if self.fork is not None and self.fork.startswith(baselines.PREFIX):
            return self.fork[len(baselines.PREFIX) :]
        return None

    @property
    def checkpoints(self) -> Mapping[str, Path]:
        """By the name of the policy, those that the command names."""
        alone = self.base is None and not self.own_base
        named = {ONLY if alone else TUNED: self.checkpoint, BASE: self.base}
        return {name: path for name, path in named.items() if path is not None}

    def check(self, command: str) -> None:
        """Refuse what can be refused before anything is looked at."""
        if (self.fork is None) == (self.policy is None):
            raise UsageError(
                "name either a fork or a policy file",
                hint=f"forkctl eval {command} FORK --ckpt FILE, or --policy FILE --ckpt FILE",
            )
        if self.baseline is None and self.checkpoint is None:
            raise UsageError("there is no checkpoint to evaluate", hint="name it with --ckpt")


# Finds the process of a policy that is none of ours; it may raise.
Launcher = Callable[[PolicyChoice], PolicyProcess]


def choose_policies(
    choice: PolicyChoice, launch: Launcher, episodes: Sequence[Episode], scale: Scale
) -> Mapping[str, PolicySource]:
    """Named policies, the evaluated one first. Nothing is loaded yet."""
    choice.check("openloop")
    if choice.baseline is not None:
        name = baselines.PREFIX + choice.baseline
        return {name: baselines.baseline(choice.baseline, episodes, scale)}
    assert choice.checkpoint is not None
    process = launch(choice)
    tuned = loaded_policy(choice, process, TUNED, choice.checkpoint)
    if choice.own_base:
        return {TUNED: tuned, BASE: Variant(tuned, BASE)}
    if choice.base is None:
        return {ONLY: loaded_policy(choice, process, ONLY, choice.checkpoint)}
    # the base is shown what the fine-tuned one is, and judged by the same statistics
    like = str(choice.checkpoint.absolute())
    return {TUNED: tuned, BASE: loaded_policy(choice, process, BASE, choice.base, like=like)}


def loaded_policy(
    choice: PolicyChoice, process: PolicyProcess, name: str, checkpoint: Path, **more: object
) -> RemotePolicy:
    options = {**process.bound, **more}
    if choice.stats_key:
        options["unnorm_key"] = choice.stats_key
    return RemotePolicy(
        process.worker,
        checkpoint.absolute(),
        process.launch,
        cache_root() / "logs" / f"eval-{choice.label}-{name}.log",
        process.conventions,
        choice.device,
        options,
    )
