"""Which policies a command line means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.evaluation.openloop.episodes import Episode
from forkctl.evaluation.openloop.scale import Scale
from forkctl.evaluation.policies import baselines
from forkctl.evaluation.policies.connection import Launch
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.evaluation.policies.remote import RemotePolicy
from forkctl.evaluation.policies.variant import Variant
from forkctl.forks.cache import cache_root

ONLY = "policy"
TUNED, BASE = "fine-tuned", "base"


@dataclass(frozen=True)
class Choice:
    """The words of the command that say what to evaluate."""

    fork: str | None
    policy: Path | None
    checkpoint: Path | None
    base: Path | None
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


def choose_policies(
    choice: Choice, episodes: Sequence[Episode], scale: Scale
) -> Mapping[str, PolicySource]:
    """Named policies, the evaluated one first. Nothing is loaded yet."""
    if (choice.fork is None) == (choice.policy is None):
        raise UsageError(
            "name a fork or a policy file, one of them",
            hint="forkctl eval openloop robomimic --ckpt FILE --data FOLDER",
        )
    if choice.fork is not None and choice.fork.startswith(baselines.PREFIX):
        name = choice.fork[len(baselines.PREFIX) :]
        return {choice.fork: baselines.baseline(name, episodes, scale)}
    if choice.checkpoint is None:
        raise UsageError("there is no checkpoint to evaluate", hint="Name it with --ckpt.")
    launch, worker, state = _launch(choice)

    options = {**state, **({"unnorm_key": choice.stats_key} if choice.stats_key else {})}

    def source(name: str, checkpoint: Path, **more: object) -> RemotePolicy:
        log = cache_root() / "logs" / f"eval-{choice.label}-{name}.log"
        told = {**options, **more}
        return RemotePolicy(worker, checkpoint.absolute(), launch, log, choice.device, told)

    if choice.own_base:
        tuned = source(TUNED, choice.checkpoint)
        return {TUNED: tuned, BASE: Variant(tuned, BASE)}
    if choice.base is None:
        return {ONLY: source(ONLY, choice.checkpoint)}
    # the base is shown what the fine-tuned one is, and judged by the same statistics
    like = str(choice.checkpoint.absolute())
    return {
        TUNED: source(TUNED, choice.checkpoint),
        BASE: source(BASE, choice.base, like=like),
    }


def _launch(choice: Choice) -> tuple[Launch, str, Mapping[str, object]]:
    """How to start the policy's process, its worker, and what else the record is bound to."""
    from forkctl.evaluation.policies.launching import file_launch, fork_launch
    from forkctl.forks.workspace import find_workspace

    if choice.policy is not None:
        path = choice.policy.absolute()
        return file_launch(path, choice.own), str(path), {}
    assert choice.fork is not None
    launch, worker, tree = fork_launch(find_workspace(), choice.fork, choice.own, choice.profile)
    return launch, worker, {"fork": choice.fork, "tree": tree.state.tree}
