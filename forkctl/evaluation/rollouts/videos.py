"""Videos of episodes, named by task, trial and outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forkctl.errors import ForkctlError
from forkctl.evaluation.rollouts.playing import SUCCESS
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.libero.schema import CONTROL_HZ

NONE, FAILURES, ALL = "none", "failures", "all"
KINDS = (NONE, FAILURES, ALL)


@dataclass(frozen=True)
class Videos:
    """A video needs every step rendered, so an episode takes a few times as long."""

    folder: Path
    kind: str = NONE

    @property
    def wanted(self) -> bool:
        return self.kind != NONE

    @contextmanager
    def of(self, trial: Trial) -> Iterator[Video]:
        """Hidden while it is written, and named once it is known how the episode ended."""
        video = Video(self.folder, trial, self.kind)
        try:
            yield video
        finally:
            video.close()


@dataclass
class Video:
    folder: Path
    trial: Trial
    kind: str
    _writer: Any = field(default=None, init=False)

    @property
    def frame(self) -> Callable[[NDArray[Any]], None] | None:
        """Takes frames that are upside down; None if no video is wanted."""
        return None if self.kind == NONE else self._add

    @property
    def _unfinished(self) -> Path:
        return self.folder / f".{self.trial.task}--{self.trial.number:03d}.mp4"

    def ends(self, outcome: str) -> None:
        if self._writer is None:
            return
        self._release()
        if self.kind == FAILURES and outcome == SUCCESS:
            return
        # an episode that is played again keeps one video, however it ended before
        stem = f"{self.trial.task}--{self.trial.number:03d}"
        for earlier in self.folder.glob(f"{stem}--*.mp4"):
            earlier.unlink()
        self._unfinished.rename(self.folder / f"{stem}--{outcome}.mp4")

    def close(self) -> None:
        if self._writer is not None:
            self._release()
        if self.kind != NONE:
            self._unfinished.unlink(missing_ok=True)

    def _release(self) -> None:
        self._writer.release()
        self._writer = None

    def _add(self, frame: NDArray[Any]) -> None:
        import cv2

        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            size = (frame.shape[1], frame.shape[0])
            code = cv2.VideoWriter_fourcc(*"mp4v")  # type: ignore[attr-defined]
            self._writer = cv2.VideoWriter(str(self._unfinished), code, CONTROL_HZ, size)
            if not self._writer.isOpened():
                raise ForkctlError("cannot write the video", where=str(self._unfinished))
        self._writer.write(np.ascontiguousarray(frame[::-1, ::-1, ::-1]))  # upright, and BGR
