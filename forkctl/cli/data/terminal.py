"""Pictures and curves out of characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt
    from rich.text import Text

_LEVELS = "▁▂▃▄▅▆▇█"
_UPPER_HALF = "▀"


def half_blocks(picture: npt.NDArray[Any]) -> Text:
    """An image (H, W, 3), two pixels per character: the upper in front, the lower behind."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    text = Text()
    for top in range(0, len(picture) - 1, 2):
        for upper, lower in zip(picture[top], picture[top + 1], strict=True):
            front, back = Color.from_rgb(*map(int, upper)), Color.from_rgb(*map(int, lower))
            text.append(_UPPER_HALF, Style(color=front, bgcolor=back))
        text.append("\n")
    return text


def filmstrip(frames: npt.NDArray[Any], cells: int) -> npt.NDArray[Any]:
    """Frames side by side, each `cells` wide and as many half characters high."""
    import cv2
    import numpy as np

    small = [cv2.resize(frame, (cells, cells), interpolation=cv2.INTER_AREA) for frame in frames]
    return np.concatenate(small, axis=1)


def sparkline(values: npt.NDArray[Any], cells: int, low: float, high: float) -> str:
    """The mean of each part of a series, as a row of small bars; blank where it is not finite."""
    import numpy as np

    parts = [part.mean() for part in np.array_split(values, min(cells, len(values)))]
    scaled = (np.clip(parts, low, high) - low) / (high - low) * (len(_LEVELS) - 1)
    return "".join(" " if np.isnan(level) else _LEVELS[round(level)] for level in scaled)
