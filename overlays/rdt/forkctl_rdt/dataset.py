"""LIBERO's demos, in the shape in which RDT's loader takes episodes.

One demo is one episode, however short. The items are the steps of all of them, so a long demo
counts for more than a short one, as in upstream's own draw. An item has the actions from its step
on in the layout's units, the state, and what both cameras saw at this step and before it.
Everything in it is a copy, free to be changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

import numpy as np
import numpy.typing as npt

from forkctl.families.rdt.instructions import sentence
from forkctl.families.rdt.measuring import held_out_demos, training_demos
from forkctl.families.rdt.vectors import STATE_KEYS
from forkctl.libero.alignment import Pairing
from forkctl.libero.errors import DataFileError
from forkctl.libero.files.paths import find_files
from forkctl.libero.files.reader import Demo, open_demo_file
from forkctl.libero.schema import ACTION_DIM, AGENTVIEW, CAMERAS, EYE_IN_HAND
from forkctl_rdt.options import Options

Array = npt.NDArray[Any]


class LiberoDataset:
    """Stands in for upstream's HDF5VLADataset. `common` is the config's section of that name."""

    def __init__(
        self,
        options: Options,
        common: Mapping[str, Any],
        *,
        held_out: bool = False,
        precomputed_language: bool = False,
    ) -> None:
        self.options = options
        self.layout = options.layout
        self.chunk = int(common["action_chunk_size"])
        self.history = int(common["img_history_size"])
        self.precomputed_language = precomputed_language
        self.demos = _demos(options, held_out)
        self._alignments = {demo.file.path: self._alignment(demo) for demo in self.demos}
        # of each demo in the row of all steps, and where that ends
        self._starts = np.cumsum([0, *(len(self._pairing(demo)) for demo in self.demos)])
        self._moments: dict[int, dict[str, Array]] = {}

    def __len__(self) -> int:
        return int(self._starts[-1])

    def get_dataset_name(self) -> str:
        return self.options.dataset

    @property
    def alignment(self) -> str:
        """The one of all files; a mixture is named as such."""
        return "+".join(sorted(set(self._alignments.values())))

    @property
    def frame_size(self) -> int | None:
        """Pixels per side, where all frames are of one size."""
        sizes = {
            demo.file.extent(f"{demo.name}/obs/{camera}").shape[1]
            for demo in self.demos
            for camera in CAMERAS
        }
        return int(sizes.pop()) if len(sizes) == 1 else None

    def get_item(self, index: int) -> dict[str, Any]:
        return self.sample_at(*self.step_of(index))

    def step_of(self, index: int) -> tuple[int, int]:
        """The number of the demo that an item is of, and the step in it."""
        demo = int(np.searchsorted(self._starts, index, side="right")) - 1
        return demo, int(index - self._starts[demo])

    def sample_at(self, index: int, step: int) -> dict[str, Any]:
        """What RDT's loader takes, for this step of this demo."""
        demo = self.demos[index]
        pairing = self._pairing(demo)
        stop = min(step + self.chunk, len(pairing))
        before = max(step - 1, 0)  # a velocity looks at the observation before
        # one more than the actions: where the last of them leads
        rows = {key: demo.obs(key)[before : stop + 1] for key in STATE_KEYS}
        ahead = {key: values[step - before :] for key, values in rows.items()}
        actions = demo.actions()[pairing.actions][step:stop]
        state = self.layout.states(
            {key: values[: step - before + 1] for key, values in rows.items()}
        )
        images, seen = self._images(demo, step)
        return {
            "meta": {
                "dataset_name": self.options.dataset,
                "#steps": len(pairing),
                "step_id": step,
                "instruction": self._instruction(demo),
            },
            "step_id": step,
            "state": state[-1:],
            **self._episode_moments(index),
            "actions": self._padded(self.layout.actions(actions, ahead), actions, ahead),
            "state_indicator": self.layout.mask(),
            "cam_high": images[AGENTVIEW],
            "cam_high_mask": seen,
            "cam_right_wrist": images[EYE_IN_HAND],
            "cam_right_wrist_mask": seen.copy(),
            "cam_left_wrist": np.zeros((self.history, 0, 0, 0), dtype=np.uint8),
            "cam_left_wrist_mask": np.zeros(self.history, dtype=bool),
        }

    def _padded(self, vectors: Array, actions: Array, obs: Mapping[str, Array]) -> Array:
        """After the end the arm holds still: no offset, or the last target again."""
        missing = self.chunk - len(vectors)
        if missing <= 0:
            return vectors
        last = vectors[-1:]
        if not self.layout.convention.needs_pose:
            still = np.concatenate([np.zeros((1, ACTION_DIM - 1)), actions[-1:, -1:]], axis=1)
            last = self.layout.actions(still, {key: values[-1:] for key, values in obs.items()})
        return np.concatenate([vectors, np.repeat(last, missing, axis=0)])

    def _images(self, demo: Demo, step: int) -> tuple[dict[str, Array], Array]:
        """(history, H, W, 3) of each camera, oldest first, and which of them there were."""
        first = step - self.history + 1
        seen = np.arange(first, step + 1) >= 0
        absent = int((~seen).sum())
        images = {}
        for camera in CAMERAS:
            frames = demo.frames(camera, max(first, 0), step + 1)
            if self.options.rotate_images:
                frames = frames[:, ::-1, ::-1]
            images[camera] = np.concatenate([*[frames[:1]] * absent, frames])
        return images, seen

    def _instruction(self, demo: Demo) -> str:
        """A sentence as RDT was trained on, or the file that holds its embedding."""
        if self.precomputed_language:
            return self.options.embedding_file(demo.file.task)
        return sentence(demo.file.language)

    def _episode_moments(self, index: int) -> dict[str, Array]:
        """Of one demo. `state_norm` scales nothing but upstream's logged error, so it is that of
        the actions. Copies: upstream is handed them."""
        if index not in self._moments:
            states, actions = self.vectors(index)
            self._moments[index] = {
                "state_std": states.std(axis=0),
                "state_mean": states.mean(axis=0),
                "state_norm": np.sqrt(np.square(actions).mean(axis=0)),
            }
        return {name: values.copy() for name, values in self._moments[index].items()}

    def vectors(self, index: int) -> tuple[Array, Array]:
        """All states of this demo, and all actions."""
        demo = self.demos[index]
        pairing = self._pairing(demo)
        obs = {key: demo.obs(key) for key in STATE_KEYS}
        states = self.layout.states(obs)[pairing.obs]
        return states, self.layout.actions(demo.actions()[pairing.actions], obs)

    def _pairing(self, demo: Demo) -> Pairing:
        return demo.pairing(self._alignments[demo.file.path])

    def _alignment(self, demo: Demo) -> str:
        return demo.file.alignment(self.options.alignment)


def _demos(options: Options, held_out: bool) -> list[Demo]:
    """Those to train on, or those held out; each checked, so that a broken one is named now."""
    choose = held_out_demos if held_out else training_demos
    demos = []
    for path in find_files([Path(name) for name in options.files]):
        chosen = list(choose(open_demo_file(path), options.holdout))
        for demo in chosen:
            _check_demo(demo)
        demos += chosen
    if not demos:
        raise DataFileError(
            "no demo is held out" if held_out else "no demo is left to train on",
            where=", ".join(options.files),
            hint=f"forkctl.holdout is {options.holdout}",
        )
    return demos


def _check_demo(demo: Demo) -> None:
    where = demo.file.where(demo.name)
    keys = (*STATE_KEYS, *CAMERAS)
    lengths = {key: demo.file.extent(f"{demo.name}/obs/{key}").shape[0] for key in keys}
    if demo.length < 2:
        raise DataFileError("a demo of fewer than two steps", where=where)
    if set(lengths.values()) != {demo.length}:
        odd = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise DataFileError(
            f"{demo.length} actions, but other numbers of observations: {odd}",
            where=where,
            hint="`forkctl data validate` lists everything that is wrong with the file",
        )
    for key in ("actions", *(f"obs/{key}" for key in STATE_KEYS)):
        if not np.isfinite(demo.array(key)).all():
            raise DataFileError(f"{key} holds values that are not finite", where=where)
