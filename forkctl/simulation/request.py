"""What `forkctl demos` asks of the simulator's process, in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forkctl.libero.schema import FileLayout


@dataclass(frozen=True)
class RecordingOptions:
    """`noise` is the standard deviation of what is added to the expert's motion, in actions; the
    noisy action is executed and recorded."""

    layout: FileLayout
    image_size: int
    noise: float = 0.0
    reflection: bool = True


@dataclass(frozen=True)
class DemoRequest:
    folder: Path
    tasks: tuple[str, ...]
    demos: int
    seed: int
    recording: RecordingOptions
    compress: bool = False
    jobs: int = 1

    def to_json(self) -> dict[str, Any]:
        recording = {**asdict(self.recording), "layout": self.recording.layout.value}
        return {**asdict(self), "folder": str(self.folder), "recording": recording}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> DemoRequest:
        recording = {**said["recording"], "layout": FileLayout(said["recording"]["layout"])}
        changed = {
            "folder": Path(said["folder"]),
            "tasks": tuple(said["tasks"]),
            "recording": RecordingOptions(**recording),
        }
        return cls(**{**said, **changed})
