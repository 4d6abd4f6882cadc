"""Which policy and which world a command line means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.evaluation.openloop.scale import published_scales
from forkctl.evaluation.policies import baselines
from forkctl.evaluation.policies.choosing import ONLY, Choice, choose_policies
from forkctl.evaluation.policies.connection import Launch
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.evaluation.rollouts.builtin import Random, Replay, Still
from forkctl.evaluation.rollouts.channels import choose_channel
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.evaluation.rollouts.world import WorldOptions, WorldSource
from forkctl.forks.cache import cache_root

REPLAY = "replay"
BUILTIN = ("zero", "random", REPLAY)


@dataclass(frozen=True)
class Way:
    """How replayed actions travel."""

    through: str | None = None
    fault: str | None = None


def replays(choice: Choice) -> bool:
    return choice.fork == baselines.PREFIX + REPLAY


def check_words(choice: Choice, way: Way, data: Path | None) -> None:
    """What can be refused before anything is looked at."""
    if (choice.fork is None) == (choice.policy is None):
        raise UsageError(
            "name a fork or a policy file, one of them",
            hint="forkctl eval rollout robomimic --ckpt FILE --suite libero_spatial",
        )
    builtin = choice.fork is not None and choice.fork.startswith(baselines.PREFIX)
    if builtin and choice.label not in {f"baseline-{name}" for name in BUILTIN}:
        raise UsageError(
            f"no baseline {choice.fork!r} in closed loop",
            hint="One of: " + ", ".join(baselines.PREFIX + name for name in BUILTIN) + ".",
        )
    if replays(choice):
        if data is None:
            raise UsageError("what is replayed?", hint="Name the demonstrations with --data.")
        choose_channel(way.through or "libero", way.fault)
    elif way.through or way.fault:
        raise UsageError(
            "--through and --fault are for replayed actions",
            hint="with baseline:replay --data FOLDER",
        )
    elif data is not None:
        raise UsageError(
            "--data is for baseline:replay", hint="other policies begin at --init-states"
        )
    if not builtin and choice.checkpoint is None:
        raise UsageError("there is no checkpoint to evaluate", hint="Name it with --ckpt.")


def choose_policy(choice: Choice, way: Way, trials: tuple[Trial, ...]) -> PolicySource:
    if replays(choice):
        return Replay(trials, way.through or "libero", way.fault)
    if choice.label == "baseline-zero":
        return Still()
    if choice.label == "baseline-random":
        return Random()
    scale = next(iter(published_scales().values()))  # for trivial policies of open loop only
    return choose_policies(choice, (), scale)[ONLY]


def choose_world(own: str | None, file: Path | None, options: WorldOptions) -> WorldSource:
    """LIBERO's simulator, or a world of a person's own (which may need no simulator at all)."""
    logs = cache_root() / "logs"
    if file is not None:
        from forkctl.evaluation.policies.launching import file_launch

        path = file.absolute()
        if not path.is_file():
            raise UsageError("no file of a world here", where=str(file))
        return WorldSource(str(path), file_launch(path, own), logs, options)
    from forkctl.environments.simulator import find_simulator
    from forkctl.forks.workspace import find_workspace

    simulator = find_simulator(find_workspace(), own)
    return WorldSource("libero", Launch(str(simulator.python), simulator.variables), logs, options)
