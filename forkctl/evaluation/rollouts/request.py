"""What `forkctl eval rollout` was asked for, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.evaluation.policies.choice import (
    BASELINE,
    PolicyChoice,
    PolicyLauncher,
    loaded_policy,
)
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.evaluation.rollouts.baselines import Expert, Random, Replay, Still
from forkctl.evaluation.rollouts.playing import Limits
from forkctl.evaluation.rollouts.rollout import RolloutSettings
from forkctl.evaluation.rollouts.summary import TRIALS
from forkctl.evaluation.rollouts.trials import (
    Shard,
    Trial,
    choose_init_states,
    suite_of_data,
    trials_from_demos,
    trials_from_init_states,
)
from forkctl.evaluation.rollouts.videos import NONE
from forkctl.libero.suites import SUITES, choose_tasks, get_suite
from forkctl.simulation.expert.goals import refused_tasks

ZERO, RANDOM, REPLAY, EXPERT = "zero", "random", "replay", "expert"
BUILTIN = (ZERO, RANDOM, REPLAY, EXPERT)


@dataclass(frozen=True)
class RolloutRequest:
    """None stands for the default."""

    choice: PolicyChoice
    suite: str | None = None
    tasks: str | None = None
    trials: int | None = None
    init_states: str | None = None
    data: Path | None = None  # the demonstrations to replay
    max_steps: int | None = None
    horizon: int | None = None
    seed: int = 0
    shard: str = "1/1"
    jobs: int = 1
    video: str = NONE
    retry_errors: bool = False
    video_dir: Path | None = None

    def check(self) -> None:
        """Refuse what can be refused without looking at anything."""
        self.choice.check("rollout")
        name = self.choice.baseline
        if name is not None and name not in BUILTIN:
            raise UsageError(
                f"no baseline {name!r} in closed loop",
                hint="one of: " + ", ".join(BASELINE + each for each in BUILTIN),
            )
        if name == REPLAY and self.data is None:
            raise UsageError(
                "baseline:replay needs --data", hint="name the demonstrations to replay"
            )
        if name != REPLAY and self.data is not None:
            raise UsageError(
                "--data is for baseline:replay", hint="other policies begin at --init-states"
            )
        if self.suite is None and self.data is None:
            raise UsageError("--suite is missing", hint=f"one of: {', '.join(SUITES)}")
        if self.data is not None and self.init_states is not None:
            raise UsageError(
                "--init-states does not go with --data",
                hint="leave it out: a replay begins as its demonstration did",
            )

    def settings(self) -> RolloutSettings:
        self.check()
        suite = get_suite(self.suite) if self.suite else suite_of_data(self._data)
        tasks = choose_tasks(suite, self.tasks)
        if self.choice.baseline == EXPERT:
            refused = refused_tasks(suite.name)
            if unable := [f"{task} ({refused[task]})" for task in tasks if task in refused]:
                raise UsageError(
                    f"the expert cannot do {', '.join(unable)}",
                    hint="choose others with --tasks; docs/simulator.md lists them",
                )
        init_states = choose_init_states(self.init_states)
        if self.data is None:
            trials = trials_from_init_states(tasks, self.trials or TRIALS, init_states, self.seed)
        else:
            trials = trials_from_demos(self.data, tasks, self.trials, self.seed)
        return RolloutSettings(
            self.choice.label,
            suite.name,
            trials,
            init_states,
            Limits(self.max_steps or suite.max_steps, self.horizon),
            self.seed,
            Shard.parse(self.shard),
            self.data,
            self.jobs,
            self.video,
            self.retry_errors,
            self.video_dir,
        )

    def policy(self, trials: tuple[Trial, ...], launch: PolicyLauncher) -> PolicySource:
        if self.choice.baseline == REPLAY:
            return Replay(trials)
        if self.choice.baseline == ZERO:
            return Still()
        if self.choice.baseline == RANDOM:
            return Random()
        if self.choice.baseline == EXPERT:
            return Expert()
        return loaded_policy(self.choice, launch(self.choice), "policy", self.choice.checkpoint)

    @property
    def _data(self) -> Path:
        assert self.data is not None
        return self.data
