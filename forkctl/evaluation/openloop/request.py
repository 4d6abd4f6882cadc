"""What `forkctl eval openloop` was asked for, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl.errors import UsageError
from forkctl.evaluation.openloop.baselines import baseline
from forkctl.evaluation.openloop.episodes import Episode, EpisodeSelection, load_episodes
from forkctl.evaluation.openloop.scale import DEAD_ZONE, Scale, measured_scale, scale_from_file
from forkctl.evaluation.policies.choice import (
    BASELINE,
    PolicyChoice,
    PolicyLauncher,
    loaded_policy,
)
from forkctl.evaluation.policies.policy import PolicySource
from forkctl.evaluation.policies.variants import Variant
from forkctl.forks.hashes import fingerprint
from forkctl.inside.versions import forkctl_code

ONLY, TUNED, BASE = "policy", "fine-tuned", "base"


@dataclass(frozen=True)
class OpenLoopRequest:
    choice: PolicyChoice
    data: Path
    episodes: str = "last:5"
    base: str | None = None  # a checkpoint; empty for the one that the evaluated one names
    max_steps: int | None = None
    alignment: str = "auto"
    stats: Path | None = None  # the statistics of training; measured on `data` where there are none
    dead_zone: float = DEAD_ZONE
    probes: int = 6  # demos to show in other ways too
    horizon: int = 8  # actions of a chunk to keep
    seed: int = 0

    @property
    def checkpoints(self) -> Mapping[str, Path]:
        """By the name of the policy, those that the command names."""
        if self.choice.checkpoint is None:
            return {}
        if self.base is None:
            return {ONLY: self.choice.checkpoint}
        base = {BASE: Path(self.base)} if self.base else {}
        return {TUNED: self.choice.checkpoint, **base}

    def held_out(self) -> tuple[Episode, ...]:
        self.choice.check("openloop")
        selection = EpisodeSelection.parse(self.episodes)
        return load_episodes(
            self.data, selection, max_steps=self.max_steps, alignment=self.alignment
        )

    def scale(self) -> Scale:
        if self.stats is not None:
            return scale_from_file(self.stats, self.choice.stats_key, self.dead_zone)
        return measured_scale(self.data, self.dead_zone)

    def policies(
        self, episodes: Sequence[Episode], scale: Scale, launch: PolicyLauncher
    ) -> Mapping[str, PolicySource]:
        """By name, the evaluated one first. Nothing is loaded yet."""
        choice = self.choice
        if choice.baseline is not None:
            return {BASELINE + choice.baseline: baseline(choice.baseline, episodes, scale)}
        process = launch(choice)
        if self.base is None:
            return {ONLY: loaded_policy(choice, process, ONLY, choice.checkpoint)}
        if choice.checkpoint is None:
            raise UsageError("--base needs a checkpoint to compare", hint="name it with --ckpt")
        tuned = loaded_policy(choice, process, TUNED, choice.checkpoint)
        if not self.base:
            return {TUNED: tuned, BASE: Variant(tuned, BASE)}
        # the base sees what the fine-tuned one sees, and is judged by the same statistics
        like = str(choice.checkpoint.absolute())
        return {
            TUNED: tuned,
            BASE: loaded_policy(choice, process, BASE, Path(self.base), like=like),
        }

    def setup(
        self, episodes: Sequence[Episode], sources: Mapping[str, PolicySource]
    ) -> dict[str, object]:
        """Everything that the predictions depend on, as JSON."""
        files = sorted({episode.file for episode in episodes})
        return {
            "label": self.choice.label,
            "data": str(self.data.resolve()),
            "files": [[Path(file).name, fingerprint([Path(file)])] for file in files],
            "episodes": self.episodes,
            "max_steps": self.max_steps,
            "alignment": self.alignment,
            "horizon": self.horizon,
            "seed": self.seed,
            "forkctl": forkctl_code(),
            "policies": {name: dict(source.identity) for name, source in sources.items()},
        }
