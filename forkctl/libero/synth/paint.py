"""Smooth discs and boxes, painted into all frames of a demonstration at once, with numpy only.

A shape touches only a small window of each frame, so a stack of windows is gathered, blended and
put back: a few array operations for a hundred frames.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np

Array = np.ndarray
Colour = Tuple[int, int, int]


class Canvas:
    """T frames of size x size, with a margin so that shapes may hang over the edge."""

    def __init__(self, background: Array, count: int, size: int) -> None:
        self.size = size
        self.margin = size // 2
        self._pixels = np.zeros(
            (count, size + 2 * self.margin, size + 2 * self.margin, 3), np.uint8
        )
        inner = slice(self.margin, self.margin + size)
        self._pixels[:, inner, inner] = background
        self._frame = np.arange(count)[:, None, None]

    def frames(self) -> Array:
        inner = slice(self.margin, self.margin + self.size)
        return self._pixels[:, inner, inner]

    def disc(self, centre: Array, radii: Array, colour: Colour, opacity: float = 1.0) -> None:
        """An ellipse; `centre` (T, 2) and `radii` (2,) or (T, 2) are rows and columns in pixels."""
        self._stamp(centre, radii, colour, opacity, round_=True)

    def box(self, centre: Array, radii: Array, colour: Colour, opacity: float = 1.0) -> None:
        """An upright rectangle, given by its half sides."""
        self._stamp(centre, radii, colour, opacity, round_=False)

    def _stamp(
        self, centre: Array, radii: Array, colour: Colour, opacity: float, *, round_: bool
    ) -> None:
        radii = np.broadcast_to(radii, centre.shape).astype(np.float32)
        reach_rows, reach_columns = (int(reach) + 2 for reach in radii.max(axis=0))
        limit = self.size + 2 * self.margin
        low = np.array([reach_rows, reach_columns]) + 1
        inside = np.clip(centre + self.margin, low, limit - 1 - low).astype(np.float32)
        corner = np.floor(inside).astype(int)
        rows = corner[:, 0, None, None] + np.arange(-reach_rows, reach_rows + 1)[:, None]
        columns = corner[:, 1, None, None] + np.arange(-reach_columns, reach_columns + 1)
        down = np.abs(rows - inside[:, 0, None, None])
        across = np.abs(columns - inside[:, 1, None, None])
        high, wide = radii[:, 0, None, None], radii[:, 1, None, None]
        if round_:
            cover = (1.0 - np.hypot(down / high, across / wide)) * np.minimum(high, wide) + 0.5
        else:
            cover = np.minimum(high - down, wide - across) + 0.5
        alpha = (np.clip(cover, 0.0, 1.0) * (opacity * 256)).astype(np.int32)[..., None]
        window = self._pixels[self._frame, rows, columns].astype(np.int32)
        blended = window + (((np.asarray(colour, np.int32) - window) * alpha) >> 8)
        self._pixels[self._frame, rows, columns] = blended.astype(np.uint8)


def grain(rows: int, columns: int, colour: Colour, seed: int, strength: float) -> Array:
    """A wood-like surface: streaks along the columns around a colour. (rows, columns, 3) uint8."""
    rng = np.random.default_rng(seed)
    streaks = rng.normal(0, 1, (rows, max(columns // 8, 2)))
    wide = np.repeat(streaks, columns // streaks.shape[1] + 1, axis=1)[:, :columns]
    spots = rng.normal(0, 0.4, (rows, columns))
    texture = np.asarray(colour, float) * (1.0 + strength * (wide + spots)[..., None])
    return np.clip(texture, 0, 255).astype(np.uint8)
