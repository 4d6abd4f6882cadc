"""Several worlds at once, and one policy for all of them.

Each world is a process, with a thread here that plays episodes in it. The policy is asked one query
at a time: batches of whatever happens to be ready would make results depend on timing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.connection import Connection
from forkctl.evaluation.policies.policy import (
    Conventions,
    Policy,
    PolicySource,
    Prediction,
    Query,
    device_of,
)
from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome, RolloutRecord
from forkctl.evaluation.rollouts.playing import ERROR, POLICY_ERROR, BadAction, Limits, play
from forkctl.evaluation.rollouts.remote_world import RemoteWorld, WorldError, WorldSource
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.evaluation.rollouts.videos import Videos
from forkctl.libero.schema import CAMERAS

ERRORS_IN_A_ROW = 5  # then something is wrong with all of them
_POLL_SECONDS = 0.2  # between looks at the threads: signals are handled in between

OnEpisode = Callable[[EpisodeOutcome], None]


class TrialQueue:
    """The episodes that are left. A world stays with its task as long as there are any, because
    another task takes seconds to open."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._left: dict[str, list[Trial]] = {}
        for trial in trials:
            self._left.setdefault(trial.task, []).append(trial)
        self._players: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closed = False

    def take(self, task: str | None) -> Trial | None:
        """The next one for a world that has `task` open."""
        with self._lock:
            if self._closed:
                return None
            if task is not None and not self._left.get(task):
                self._players[task] -= 1
                task = None
            if task is None:
                task = self._most_needed()
                if task is None:
                    return None
                self._players[task] += 1
            return self._left[task].pop(0)

    def _most_needed(self) -> str | None:
        waiting = [task for task, trials in self._left.items() if trials]
        if not waiting:
            return None
        return max(waiting, key=lambda task: len(self._left[task]) / (1 + self._players[task]))

    def close(self) -> None:
        with self._lock:
            self._closed = True

    @property
    def closed(self) -> bool:
        return self._closed


@dataclass(frozen=True)
class SharedPolicy:
    """A policy that several threads may ask."""

    policy: Policy
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def conventions(self) -> Conventions:
        return self.policy.conventions

    @property
    def device(self) -> str:
        return device_of(self.policy)

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        with self.lock:
            return self.policy.predict(queries, seed)


class WorldPool:
    """Plays episodes until none is left, or something is wrong with all of them."""

    def __init__(
        self,
        worlds: WorldSource,
        record: RolloutRecord,
        limits: Limits,
        videos: Videos,
        on_episode: OnEpisode,
    ) -> None:
        self.worlds, self.record, self.limits = worlds, record, limits
        self.videos, self.on_episode = videos, on_episode
        self._processes: dict[int, Connection] = {}  # the world of each thread
        self._failure: BaseException | None = None
        self._errors_in_a_row = 0
        self._lock = threading.Lock()

    def play(self, trials: Sequence[Trial], source: PolicySource, jobs: int) -> None:
        queue = TrialQueue(trials)
        with source.open() as opened:
            policy = SharedPolicy(opened)
            threads = [
                threading.Thread(target=self._serve, args=(queue, policy, number), daemon=True)
                for number in range(min(jobs, len(trials)))
            ]
            try:
                for thread in threads:
                    thread.start()
                while any(thread.is_alive() for thread in threads) and self._failure is None:
                    for thread in threads:
                        thread.join(_POLL_SECONDS)
                if self._failure is not None:
                    raise self._failure
            except BaseException:
                queue.close()
                for process in tuple(self._processes.values()):
                    process.kill()
                raise

    def _serve(self, queue: TrialQueue, policy: Policy, number: int) -> None:
        frames = self.videos.wanted or bool({*CAMERAS} & {*policy.conventions.observations})
        try:
            task: str | None = None
            trial = queue.take(task)
            while trial is not None:
                started = partial(self._processes.__setitem__, number)
                with self.worlds.start(number, started) as world:
                    while trial is not None:
                        task = trial.task
                        world.open(task, frames, policy.conventions.frame_size)
                        healthy = self._episode(world, policy, trial, queue)
                        trial = queue.take(task)
                        if not healthy:
                            world.connection.kill()
                            break
        except BaseException as failure:
            # a process that was killed because another thread failed is not a failure of its own
            with self._lock:
                if not queue.closed and self._failure is None:
                    self._failure = failure
            queue.close()

    def _episode(self, world: RemoteWorld, policy: Policy, trial: Trial, queue: TrialQueue) -> bool:
        """Play one and record it; False if the world cannot go on."""
        began = time.monotonic()
        error: ForkctlError | None = None
        with self.videos.of(trial) as video:
            try:
                played = play(world, policy, trial, self.limits, video.frame)
            except (WorldError, BadAction) as caught:
                error = caught
            if queue.closed:  # killed from outside: this episode has no outcome
                raise error or InterruptedError("another episode failed")
            if isinstance(error, WorldError):
                outcome = ERROR
            else:
                outcome = POLICY_ERROR if error else played.outcome
            result = EpisodeOutcome(
                trial.task,
                trial.number,
                trial.start.init_state,
                trial.seed,
                outcome,
                0 if error else played.steps,
                error.message if error else None,
                world.versions,
                round(time.monotonic() - began, 2),
                device_of(policy),
            )
            video.ends(result.outcome)
            self.record.add(result)
        self.on_episode(result)
        self._count(error if isinstance(error, WorldError) else None)
        return not isinstance(error, WorldError)

    def _count(self, error: ForkctlError | None) -> None:
        with self._lock:
            self._errors_in_a_row = self._errors_in_a_row + 1 if error else 0
            if self._errors_in_a_row >= ERRORS_IN_A_ROW and error is not None:
                raise ForkctlError(
                    f"{ERRORS_IN_A_ROW} episodes in a row ended in an error; the last: "
                    f"{error.message}",
                    where=error.where,
                    hint="they are recorded as errors; after the repair, run the same command with "
                    "--retry-errors",
                )
