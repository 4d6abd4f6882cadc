"""Frames that are not what they should be."""

from __future__ import annotations

from typing import Callable

import h5py
import numpy as np

from forkctl.libero.schema import AGENTVIEW, CAMERAS, EYE_IN_HAND
from forkctl.libero.synth.defects.registry import (
    Array,
    defect,
    demos_of,
    for_all,
    one_of,
    rewrite,
)


def _for_frames(data: h5py.Group, change: Callable[[Array], Array]) -> None:
    for camera in CAMERAS:
        for_all(data, f"obs/{camera}", change)


@defect("images-upright", "image-orientation")
def _upright(data: h5py.Group) -> None:
    _for_frames(data, lambda frames: frames[:, ::-1])


@defect("images-rot180", "image-orientation")
def _rot180(data: h5py.Group) -> None:
    _for_frames(data, lambda frames: frames[:, ::-1, ::-1])


@defect("images-mirrored", "image-orientation")
def _mirrored(data: h5py.Group) -> None:
    _for_frames(data, lambda frames: frames[:, :, ::-1])


@defect("image-bgr")
def _bgr(data: h5py.Group) -> None:
    _for_frames(data, lambda frames: frames[..., ::-1])


@defect("image-size")
def _odd_size(data: h5py.Group) -> None:
    for demo in demos_of(data):
        for camera in CAMERAS:
            rewrite(demo, f"obs/{camera}", demo[f"obs/{camera}"][:, :100, :100])


@defect("image-size-mixed")
def _mixed_sizes(data: h5py.Group) -> None:
    demo = one_of(data)
    for camera in CAMERAS:
        rewrite(demo, f"obs/{camera}", demo[f"obs/{camera}"][...].repeat(2, 1).repeat(2, 2))


@defect("image-range")
def _unit_range(data: h5py.Group) -> None:
    _for_frames(data, lambda frames: (frames / 255.0).round().astype(np.uint8))


@defect("image-blank")
def _blank(data: h5py.Group) -> None:
    one_of(data)[f"obs/{AGENTVIEW}"][10:20] = 0


@defect("image-frozen")
def _frozen(data: h5py.Group) -> None:
    frames = one_of(data)[f"obs/{EYE_IN_HAND}"]
    frames[...] = frames[:1]


@defect("cameras-swapped")
def _swap(data: h5py.Group) -> None:
    for demo in demos_of(data):
        front, hand = (demo[f"obs/{camera}"][...] for camera in CAMERAS)
        demo[f"obs/{AGENTVIEW}"][...], demo[f"obs/{EYE_IN_HAND}"][...] = hand, front
