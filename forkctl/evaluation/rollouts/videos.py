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
from forkctl.evaluation.rollouts.outcomes import Key
from forkctl.evaluation.rollouts.playing import SUCCESS
from forkctl.evaluation.rollouts.trials import Trial
from forkctl.libero.schema import CONTROL_HZ
from forkctl.reading import reason

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
    _file: Any = field(default=None, init=False)
    _stream: Any = field(default=None, init=False)

    @property
    def frame(self) -> Callable[[NDArray[Any]], None] | None:
        """Takes frames that are upside down; None if no video is wanted."""
        return None if self.kind == NONE else self._add

    @property
    def _unfinished(self) -> Path:
        return self.folder / f".{self.trial.task}--{self.trial.number:03d}.mp4"

    def ends(self, outcome: str) -> None:
        if self._file is None:
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
        if self._file is not None:
            self._release()
        if self.kind != NONE:
            self._unfinished.unlink(missing_ok=True)

    def _release(self) -> None:
        self._file.mux(self._stream.encode())  # what the encoder still holds
        self._file.close()
        self._file = None

    def _add(self, frame: NDArray[Any]) -> None:
        import av

        height, width = (side // 2 * 2 for side in frame.shape[:2])  # H.264 halves the colours
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                self._file = av.open(str(self._unfinished), "w", format="mp4")
                self._stream = self._file.add_stream("libx264", rate=CONTROL_HZ)
            except (OSError, ValueError) as error:
                raise ForkctlError(
                    f"cannot write the video: {reason(error)}", where=str(self._unfinished)
                ) from error
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"  # the one that browsers play
        upright = np.ascontiguousarray(frame[::-1, ::-1][:height, :width])
        self._file.mux(self._stream.encode(av.VideoFrame.from_ndarray(upright, format="rgb24")))


def find_videos(folder: Path) -> dict[Key, Path]:
    """By task and trial; those that are being written are hidden."""
    found = {}
    for path in sorted(folder.glob("[!.]*--*--*.mp4")):
        task, trial, _ = path.stem.rsplit("--", 2)
        found[task, int(trial)] = path
    return found
