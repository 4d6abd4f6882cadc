"""Where an episode should end, for a policy that is conditioned on it: a demo's last frame.

Training takes the last frame that an action follows; so does this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forkctl.errors import ForkctlError
from forkctl.libero.files.paths import find_files
from forkctl.libero.files.reader import open_demo_file

_FIRST = "demo_0"


class Goals:
    """`named` is FILE or FILE:DEMO, for every instruction; or FOLDER or FOLDER:DEMO, whose files
    are told apart by their instruction."""

    def __init__(self, named: str, camera: str) -> None:
        path, _, demo = named.partition(":")
        self._path = Path(path).expanduser().absolute()
        self._demo = demo or _FIRST
        self._camera = camera
        if self._path.is_dir():
            files = {open_demo_file(file).language: file for file in find_files([self._path])}
        else:
            files = {"": self._path}
        self._frames = {language: self._last_frame(file) for language, file in files.items()}

    def of(self, instruction: str) -> Any:
        frame = self._frames.get(instruction, self._frames.get(""))
        if frame is None:
            raise ForkctlError(
                f"no demonstration shows the goal of {instruction!r}",
                where=str(self._path),
                hint="--goal FOLDER, where each task of the evaluation has its file",
            )
        return frame

    def _last_frame(self, path: Path) -> Any:
        with open_demo_file(path) as file:
            if self._demo not in file.demo_names:
                raise ForkctlError(
                    f"there is no {self._demo}",
                    where=str(path),
                    hint=f"its demos are {file.demo_names[0]} to {file.demo_names[-1]}"
                    if file.demo_names
                    else "it has no demos",
                )
            demo = file[self._demo]
            if self._camera not in demo.obs_keys:
                raise ForkctlError(
                    f"its demos have no {self._camera}, through which the policy sees its goal",
                    where=str(path),
                    hint=f"they have {', '.join(demo.obs_keys)}",
                )
            return demo.frame(self._camera, len(demo.pairing()) - 1).copy()
