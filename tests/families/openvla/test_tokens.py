from __future__ import annotations

import numpy as np
import pytest

from forkctl.families.openvla.tokens import (
    are_action_tokens,
    tokens_from_values,
    values_from_tokens,
)


def test_the_words_that_openvla_is_known_for():
    assert tokens_from_values(np.array([-1.0, 0.0, 1.0])).tolist() == [31999, 31872, 31744]
    assert values_from_tokens(np.array([31872]))[0] == 0.0


def test_the_last_two_words_mean_the_same():
    first, second, third = values_from_tokens(np.array([31744, 31745, 31746]))
    assert first == second > third


def test_reading_back_errs_by_half_a_bin_at_most():
    values = np.linspace(-1, 1, 1001).reshape(7, 143)
    back = values_from_tokens(tokens_from_values(values))
    assert back.shape == values.shape
    assert np.abs(back - values).max() == pytest.approx(1 / 255, abs=1e-9)


def test_what_lies_outside_is_clipped():
    assert tokens_from_values(np.array([-7.0, 7.0])).tolist() == [31999, 31744]


def test_other_words_read_as_extremes_and_are_told_apart():
    words = np.array([5, 31743, 31744, 31999, 32000])
    assert are_action_tokens(words).tolist() == [False, False, True, True, False]
    assert np.abs(values_from_tokens(np.array([5, 32000]))).min() > 0.99
