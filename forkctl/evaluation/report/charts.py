"""Charts of an evaluation: distributions, scatter, directions, errors over a chunk, time series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forkctl.evaluation.dimensions import DIMENSIONS, GRIPPER, MOTION, Floats
from forkctl.evaluation.openloop.pairs import Pairs
from forkctl.evaluation.openloop.scale import Scale
from forkctl.evaluation.openloop.scoring import ArmResult
from forkctl.evaluation.report import svg

BINS = 41
MOST_DOTS = 900
SIDE = 150


def limits(scale: Scale, column: int) -> tuple[float, float]:
    """What a chart of a dimension spans: a little more than the training actions did."""
    if column == GRIPPER:
        return (-1.25, 1.25)
    reach = 1.15 * max(abs(scale.q01[column]), abs(scale.q99[column]), scale.span[column] / 2)
    return (-float(reach), float(reach))


def histogram(pairs: Pairs, scale: Scale, column: int, colour: str) -> str:
    """The prediction filled, the truth as an outline, on a root scale so that tails show."""
    low, high = limits(scale, column)
    edges = np.linspace(low, high, BINS + 1)

    def heights(values: Floats) -> Floats:
        counts = np.histogram(np.clip(values, low, high), edges)[0] / max(len(values), 1)
        result: Floats = np.sqrt(counts)
        return result

    said, true = heights(pairs.prediction[:, column]), heights(pairs.truth[:, column])
    top = max(said.max(), true.max(), 1e-9)
    width, height, base = SIDE, 84, 72
    xs = np.linspace(6, width - 6, BINS + 1)
    bars = [
        svg.rect(x, base - h / top * 62, xs[1] - xs[0] + 0.3, h / top * 62, colour, 0.55)
        for x, h in zip(xs[:-1], said, strict=True)
        if h > 0
    ]
    outline_x = np.repeat(xs, 2)[1:-1]
    outline_y = np.repeat(base - true / top * 62, 2)
    name = DIMENSIONS[column]
    return svg.svg(
        width,
        height,
        [
            *bars,
            svg.path(outline_x, outline_y, svg.TRUTH, stroke_width="1.2"),
            svg.line(6, base, width - 6, base, svg.FAINT),
            svg.line(width / 2, base, width / 2, base + 3, svg.TRUTH),
            svg.text(6, 82, f"{low:+.2g}", kind="tick"),
            svg.text(width - 6, 82, f"{high:+.2g}", "end", "tick"),
            svg.text(width / 2, 82, "0", "middle", "tick"),
        ],
        f"distribution of {name}",
    )


def scatter(pairs: Pairs, scale: Scale, column: int, colour: str) -> str:
    """Prediction over truth; the diagonal is perfect, the grey band is the dead zone."""
    low, high = limits(scale, column)
    chosen = np.linspace(0, pairs.rows - 1, min(pairs.rows, MOST_DOTS)).astype(int)
    start, stop = 8.0, SIDE - 8.0
    xs = svg.scaled(pairs.truth[chosen, column], low, high, start, stop)
    ys = svg.scaled(pairs.prediction[chosen, column], low, high, stop, start)
    if column == GRIPPER:  # all on four points: spread them, so that their number shows
        xs = xs + np.random.default_rng(0).uniform(-9, 9, len(xs))
    zone = scale.dead_zone[column] / (high - low) * (stop - start)
    middle = (start + stop) / 2
    return svg.svg(
        SIDE,
        SIDE,
        [
            svg.rect(start, middle - zone, stop - start, 2 * zone, svg.FAINT, 0.4),
            svg.line(start, stop, stop, start, svg.FAINT),
            svg.line(start, middle, stop, middle, svg.FAINT, 0.6),
            svg.line(middle, start, middle, stop, svg.FAINT, 0.6),
            svg.dots(xs, ys, colour),
        ],
        f"prediction over truth of {DIMENSIONS[column]}",
    )


def directions(arms: Sequence[ArmResult]) -> str:
    """Of the demonstrator's moves: right, silent, inverted. The three add up to one."""
    parts = (("dir_acc", "#3f9d6b"), ("abstain", "#d5dae2"), ("inverted", "#cc4b4b"))
    columns = (*MOTION, "motion")
    row, left, full = 20, 150, 420
    shapes: list[str] = []
    y = 4.0
    for column in columns:
        for number, arm in enumerate(arms):
            label = f"{column}" if number == 0 else ""
            shapes.append(svg.text(left - 96, y + 13, label, "end"))
            shapes.append(svg.text(left - 6, y + 13, arm.name, "end", "tick"))
            x = float(left)
            for metric, colour in parts:
                share = arm.table.value(metric, column)
                if not np.isfinite(share):
                    continue
                shapes.append(svg.rect(x, y + 2, share * full, row - 5, colour))
                if share > 0.08:
                    kind = "in-dark" if metric != "abstain" else "in-light"
                    words = f"{100 * share:.0f}"
                    shapes.append(svg.text(x + share * full / 2, y + 13.5, words, "middle", kind))
                x += share * full
            y += row
        y += 5
    return svg.svg(left + full + 10, int(y), shapes, "directions")


def over_chunk(arms: Sequence[ArmResult], colours: Sequence[str]) -> str:
    """Error of the k-th action of a chunk."""
    width, height, left, base = 420, 150, 46, 122
    top = max(float(np.nanmax(arm.by_offset)) for arm in arms) * 1.1 or 1.0
    shapes = [svg.line(left, base, width - 8, base, svg.FAINT)]
    for share in (0.0, 0.5, 1.0):
        y = base - share * 106
        shapes.append(svg.line(left, y, width - 8, y, svg.FAINT, 0.5))
        shapes.append(svg.text(left - 6, y + 4, f"{share * top:.2f}", "end", "tick"))
    for arm, colour in zip(arms, colours, strict=False):
        count = len(arm.by_offset)
        xs = np.linspace(left + 8, width - 16, count) if count > 1 else np.array([left + 8.0])
        ys = svg.scaled(arm.by_offset, 0, top, base, base - 106)
        shapes.append(svg.path(xs, ys, colour, stroke_width="2"))
        shapes += [
            svg.text(x, base + 15, str(number + 1), "middle", "tick") for number, x in enumerate(xs)
        ]
    shapes.append(svg.text((left + width) / 2, base + 27, "action of the chunk", "middle", "tick"))
    return svg.svg(width, height, shapes, "error over a chunk")


def series(
    truth: Floats, predictions: Sequence[Floats], scale: Scale, colours: Sequence[str]
) -> str:
    """A demo in time: seven small strips, truth dark, policies in their colours."""
    width, strip, left = 900, 42, 60
    shapes: list[str] = []
    xs = np.linspace(left, width - 6, max(len(truth), 2))[: len(truth)]
    for column, name in enumerate(DIMENSIONS):
        low, high = limits(scale, column)
        top, bottom = column * strip + 3.0, (column + 1) * strip - 3.0
        middle = (top + bottom) / 2
        shapes.append(svg.text(left - 8, middle + 4, name, "end"))
        shapes.append(svg.line(left, middle, width - 6, middle, svg.FAINT, 0.6))
        ys = svg.scaled(truth[:, column], low, high, bottom, top)
        shapes.append(svg.path(xs, ys, svg.TRUTH, stroke_width="1.6"))
        for prediction, colour in zip(predictions, colours, strict=False):
            ys = svg.scaled(np.nan_to_num(prediction[:, column]), low, high, bottom, top)
            shapes.append(svg.path(xs, ys, colour, stroke_width="1.2", stroke_opacity="0.85"))
    return svg.svg(width, strip * len(DIMENSIONS), shapes, "actions over time")
