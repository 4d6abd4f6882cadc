"""The few shapes that the charts need, as inline SVG text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from forkctl.evaluation.dimensions import Floats

TRUTH = "#3b4252"
POLICIES = ("#2f6fdf", "#e07b39")  # the evaluated one, the base
FAINT = "#c9d1dc"


def svg(width: int, height: int, shapes: Iterable[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(shapes)}</svg>'
    )


def rect(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
        f'fill="{fill}" fill-opacity="{opacity}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1.0) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}" stroke-width="{width}"/>'
    )


def path(
    xs: Sequence[float] | Floats, ys: Sequence[float] | Floats, stroke: str, **more: str
) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<polyline points="{points}" fill="none" stroke="{stroke}"{attributes}/>'


def dots(xs: Floats, ys: Floats, fill: str, radius: float = 1.3) -> str:
    """One path for all of them: a fifth of the size of circles."""
    moves = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in zip(xs, ys, strict=True))
    return (
        f'<path d="{moves}" stroke="{fill}" stroke-width="{2 * radius}" stroke-linecap="round" '
        f'stroke-opacity="0.35" fill="none"/>'
    )


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def scaled(values: Floats, low: float, high: float, start: float, stop: float) -> Floats:
    """Values from [low, high] to pixels from `start` to `stop`, clipped."""
    share = np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)
    result: Floats = start + share * (stop - start)
    return result
