"""One call of `forkctl eval rollout`: play what is missing, then count."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from forkctl.atomic import write_atomically
from forkctl.evaluation.journal import default_folder
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.evaluation.policies.remote_policy import named_code
from forkctl.evaluation.rollouts.outcomes import RolloutRecord, open_outcomes
from forkctl.evaluation.rollouts.playing import Limits
from forkctl.evaluation.rollouts.pool import OnEpisode, WorldPool
from forkctl.evaluation.rollouts.remote_world import WorldSource
from forkctl.evaluation.rollouts.summary import RolloutSummary, to_json
from forkctl.evaluation.rollouts.trials import WHOLE, Shard, Trial
from forkctl.evaluation.rollouts.videos import NONE, Videos
from forkctl.forks.hashes import fingerprint
from forkctl.inside.versions import forkctl_code
from forkctl.libero.files.paths import find_files

RESULTS = "rollout.json"
REPORT = "rollout.html"
VIDEOS = "videos"


@dataclass(frozen=True)
class RolloutSettings:
    """What to play, and how. Trials, tasks and shards may grow later; the rest is one setup."""

    label: str
    suite: str
    trials: tuple[Trial, ...]  # of all shards
    init_states: Sequence[int]
    limits: Limits
    seed: int = 0
    shard: Shard = WHOLE
    data: Path | None = None  # the demonstrations that are replayed
    jobs: int = 1
    video: str = NONE
    retry_errors: bool = False
    video_dir: Path | None = None


def setup_of(
    settings: RolloutSettings, source: PolicySource, worlds: WorldSource
) -> dict[str, object]:
    """Everything that an episode's outcome depends on, apart from the episode itself."""
    return {
        "label": settings.label,
        "suite": settings.suite,
        "policy": dict(source.identity),
        "start": "init states" if settings.data is None else _demonstrations(settings.data),
        "init_states": list(settings.init_states) if settings.data is None else [],
        "world": {**named_code("kind", worlds.world), **asdict(worlds.options)},
        "forkctl": forkctl_code(),
        **asdict(settings.limits),
        "seed": settings.seed,
    }


def _demonstrations(data: Path) -> list[list[object]]:
    return [[file.name, fingerprint([file])] for file in find_files([data])]


def default_out(settings: RolloutSettings, setup: Mapping[str, object]) -> Path:
    return default_folder(f"{settings.label}-rollout", setup)


class Rollout:
    """An evaluation whose record is open: what is left can be played and counted."""

    def __init__(
        self, settings: RolloutSettings, setup: Mapping[str, object], record: RolloutRecord
    ) -> None:
        self._settings, self._setup, self._record = settings, setup, record
        self._mine = settings.shard.of(settings.trials)

    @property
    def left(self) -> list[Trial]:
        """The episodes of this shard that are still to be played."""
        again = self._settings.retry_errors
        there = self._record.keys_without_errors if again else self._record.keys
        return [trial for trial in self._mine if trial.key not in there]

    def play(
        self, source: PolicySource, worlds: WorldSource, out: Path, on_episode: OnEpisode
    ) -> RolloutSummary:
        """Play what is left, then count the shard."""
        settings, left = self._settings, self.left
        if left:
            videos = Videos(settings.video_dir or out / VIDEOS, settings.video)
            pool = WorldPool(worlds, self._record, settings.limits, videos, on_episode)
            pool.play(left, source, settings.jobs)
        return RolloutSummary(
            json.loads(json.dumps(self._setup)),
            self._record.results,
            tuple(trial.key for trial in self._mine if trial.key not in self._record.keys),
        )


@contextmanager
def open_rollout(
    settings: RolloutSettings, setup: Mapping[str, object], out: Path
) -> Iterator[Rollout]:
    """Refuses a record of another setup in `out`."""
    with open_outcomes(out / settings.shard.record, setup) as record:
        yield Rollout(settings, setup, record)


def write_numbers(summary: RolloutSummary, out: Path, shard: Shard) -> Path:
    path = out / (RESULTS if shard.count == 1 else f"rollout-{shard.index + 1}of{shard.count}.json")
    write_atomically(path, json.dumps(to_json(summary), indent=1) + "\n")
    return path
