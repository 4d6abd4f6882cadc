"""The demos that are held out, and what a policy is shown of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forkctl.errors import ForkctlError, UsageError
from forkctl.evaluation.dimensions import Floats
from forkctl.evaluation.policies.policy import Conventions, Query
from forkctl.libero.files.paths import find_files
from forkctl.libero.files.reader import Demo, open_demo_file
from forkctl.libero.schema import CAMERAS
from forkctl.libero.units.conventions import Pose


@dataclass(frozen=True)
class ObservationChange:
    """What a probe changes about observations, to see whether the policy gets better."""

    name: str = "as declared"
    rotate: bool = False  # by 180 degrees, on top of what the policy declares
    shift: int = 0  # show the observation of this many steps later


AS_DECLARED = ObservationChange()
PROBES = (
    ObservationChange("images rotated by 180 degrees", rotate=True),
    ObservationChange("observations one step earlier", shift=-1),
    ObservationChange("observations one step later", shift=1),
)


@dataclass(frozen=True)
class Episode:
    """One demo: `steps` usable pairs of an observation and the action to imitate there."""

    name: str
    task: str
    instruction: str
    file: str
    demo: Demo
    first_obs: int
    first_action: int
    steps: int

    def truth(self) -> Floats:
        rows = self.demo.actions()[self.first_action : self.first_action + self.steps]
        return np.array(rows, dtype=np.float64)

    def query(
        self, step: int, wants: Conventions, change: ObservationChange = AS_DECLARED
    ) -> Query:
        """The observation at `step`, with its history; before the start the first one repeats."""
        last = self.first_obs + step + change.shift
        newest = self.demo.length - 1
        wanted = [min(max(last - back, 0), newest) for back in range(wants.history - 1, -1, -1)]
        observation = {key: self._rows(key, wanted) for key in wants.observations}
        if wants.rotate_images != change.rotate:
            for key in set(observation) & set(CAMERAS):
                observation[key] = np.ascontiguousarray(observation[key][:, ::-1, ::-1])
        return Query(self.name, step, observation, self.instruction)

    def poses(self, horizon: int) -> Pose:
        """(steps, horizon, 3) each: where the demonstrator's arm was when the k-th action of a
        chunk would be executed. An absolute target is converted to an offset from there."""
        ahead = np.arange(self.steps)[:, None] + np.arange(horizon)[None]
        rows = np.minimum(self.first_obs + ahead, self.demo.length - 1)
        position, orientation = (np.asarray(self.demo.obs(key)) for key in ("ee_pos", "ee_ori"))
        return Pose(position[rows], orientation[rows])

    def frame(self, camera: str, step: int) -> NDArray[Any]:
        """Upright, to look at."""
        return self.demo.frame(camera, self.first_obs + step)[::-1, ::-1]

    def _rows(self, key: str, steps: Sequence[int]) -> NDArray[Any]:
        if key not in self.demo.obs_keys:
            raise ForkctlError(
                f"the policy wants {key!r}, which this demo does not have",
                where=f"{self.file}:{self.demo.name}",
                hint=f"it has {', '.join(self.demo.obs_keys)}",
            )
        series = self.demo.obs(key)
        return np.stack([series[step] for step in steps])


@dataclass(frozen=True)
class EpisodeSelection:
    """Which demos of each file: `last:5`, `first:5`, `every:10`, `all`."""

    kind: str
    count: int

    @classmethod
    def parse(cls, words: str) -> EpisodeSelection:
        found = re.fullmatch(r"(last|first|every):([1-9]\d*)|all", words)
        if found is None:
            raise UsageError(
                f"{words!r} does not say which episodes",
                hint="such as last:5, first:5, every:10 or all",
            )
        return cls(found[1] or "all", int(found[2] or 1))

    def __str__(self) -> str:
        return "all" if self.kind == "all" else f"{self.kind}:{self.count}"

    def choose(self, names: Sequence[str]) -> Sequence[str]:
        if self.kind == "last":
            return names[-self.count :]
        if self.kind == "first":
            return names[: self.count]
        return names[:: self.count]


def load_episodes(
    data: Path,
    selection: EpisodeSelection,
    *,
    max_steps: int | None = None,
    alignment: str = "auto",
) -> tuple[Episode, ...]:
    """The held-out demos of each file, as far as they have two steps or more."""
    episodes = []
    for path in find_files([data]):
        file = open_demo_file(path)
        for name in selection.choose(file.demo_names):
            demo = file[name]
            pairing = demo.pairing(alignment)
            steps = len(pairing) if max_steps is None else min(len(pairing), max_steps)
            if steps >= 2:
                episodes.append(
                    Episode(
                        f"{file.task}/{name}",
                        file.task,
                        file.language,
                        str(path),
                        demo,
                        pairing.obs.start,
                        pairing.actions.start,
                        steps,
                    )
                )
    names = [episode.name for episode in episodes]
    if not episodes:
        raise ForkctlError("no demo has two steps or more", where=str(data))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ForkctlError(
            f"two files hold the same task: {twice[0]}",
            where=str(data),
            hint="name the folder of one copy",
        )
    return tuple(episodes)
