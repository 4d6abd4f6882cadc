from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forkctl.libero.units.noops import noop_mask

steps = st.tuples(st.sampled_from([0.0, 5e-5, 2e-4, 0.5]), st.sampled_from([-1.0, 1.0]))


def step_by_step(actions: np.ndarray) -> list[bool]:
    """The rule as it is told: compare with the previous action that was kept."""
    dropped: list[bool] = []
    kept: np.ndarray | None = None
    for action in actions:
        still = np.linalg.norm(action[:6]) < 1e-4
        noop = bool(still and (kept is None or action[6] == kept[6]))
        dropped.append(noop)
        if not noop:
            kept = action
    return dropped


@settings(deadline=None)
@given(st.lists(steps, max_size=12))
def test_is_the_rule_told_step_by_step(sequence: list[tuple[float, float]]) -> None:
    actions = np.zeros((len(sequence), 7))
    for row, (size, gripper) in zip(actions, sequence, strict=True):
        row[2], row[6] = size, gripper
    assert noop_mask(actions).tolist() == step_by_step(actions)


def test_a_toggle_is_kept_and_the_wait_after_it_is_not() -> None:
    actions = np.zeros((6, 7))
    actions[0, 0] = 0.5
    actions[:3, 6], actions[3:, 6] = -1, 1
    assert noop_mask(actions).tolist() == [False, True, True, False, True, True]


def test_small_in_every_dimension_together_is_not_small() -> None:
    """The norm counts, not the largest entry."""
    actions = np.full((2, 7), 9e-5)
    actions[:, 6] = -1
    assert noop_mask(actions).tolist() == [False, False]
