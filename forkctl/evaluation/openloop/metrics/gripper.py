"""The gripper is a switch: accuracy rewards a policy that never moves it, so changes count too."""

from __future__ import annotations

import numpy as np

from forkctl.evaluation.dimensions import GRIPPER, WIDTH, Floats
from forkctl.evaluation.openloop.metrics.metric import Better, Metric, Sums, by_episode, ratio
from forkctl.evaluation.openloop.pairs import Pairs, closes
from forkctl.evaluation.openloop.scale import Scale

# A change of the gripper counts as found when it comes within this many steps (.15 s at 20 Hz).
TOLERANCE = 3


def sums(pairs: Pairs, scale: Scale) -> Sums:
    del scale  # the gripper's range is fixed
    truth, prediction = closes(pairs.truth), closes(pairs.prediction)
    changes = _changes(pairs, truth)
    predicted_changes = _changes(pairs, prediction)

    def added(values: Floats) -> Floats:
        rows = np.zeros((pairs.rows, WIDTH))
        rows[:, GRIPPER] = values
        return by_episode(rows, pairs.row_episode, len(pairs.episodes))

    return {
        "truly_closed": added(truth),
        "truly_open": added(1 - truth),
        "closed_right": added(truth * prediction),
        "open_right": added((1 - truth) * (1 - prediction)),
        "changes": added(np.abs(changes)),
        "changes_found": added(_found(pairs, changes, predicted_changes)),
        "predicted_changes": added(np.abs(predicted_changes)),
        "predicted_changes_right": added(_found(pairs, predicted_changes, changes)),
    }


def _changes(pairs: Pairs, closed: Floats) -> Floats:
    """+1 where it starts to close, -1 where it starts to open, within an episode."""
    changes = np.zeros(pairs.rows)
    for rows in pairs.slices():
        changes[rows][1:] = np.diff(closed[rows])
    return changes


def _found(pairs: Pairs, wanted: Floats, offered: Floats) -> Floats:
    """1 at each wanted change that has an offered change of the same kind within the tolerance."""
    found = np.zeros(pairs.rows)
    for rows in pairs.slices():
        here, there = wanted[rows], offered[rows]
        for step in np.flatnonzero(here):
            window = there[max(0, step - TOLERANCE) : step + TOLERANCE + 1]
            found[rows.start + step] = float((window == here[step]).any())
    return found


def _balanced_metric() -> Metric:
    return Metric(
        "gripper_balanced",
        "gripper, balanced",
        "mean of the accuracy on open and on closed steps: .5 is chance",
        Better.HIGHER,
        ("gripper",),
        lambda totals: (
            (
                ratio(totals["closed_right"], totals["truly_closed"])
                + ratio(totals["open_right"], totals["truly_open"])
            )
            / 2
        ),
        "gripper",
    )


METRICS = (
    Metric(
        "gripper_accuracy",
        "gripper right",
        "share of steps with the right open or close command",
        Better.HIGHER,
        ("gripper",),
        lambda totals: ratio(
            totals["closed_right"] + totals["open_right"],
            totals["truly_closed"] + totals["truly_open"],
        ),
        "gripper",
    ),
    _balanced_metric(),
    Metric(
        "transition_recall",
        "gripper changes found",
        f"share of the demonstrator's changes predicted within {TOLERANCE} steps",
        Better.HIGHER,
        ("gripper",),
        lambda totals: ratio(totals["changes_found"], totals["changes"]),
        "gripper",
    ),
    Metric(
        "transition_precision",
        "gripper changes right",
        f"share of predicted changes that the demonstrator made within {TOLERANCE} steps",
        Better.HIGHER,
        ("gripper",),
        lambda totals: ratio(totals["predicted_changes_right"], totals["predicted_changes"]),
        "gripper",
    ),
)
