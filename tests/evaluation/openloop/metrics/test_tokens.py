from __future__ import annotations

import numpy as np
import pytest

from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.evaluation.openloop.pairs import EpisodePairs, pair_up
from tests.evaluation.demos import demonstrations, scale

ZERO_TOKEN = 31872


def test_tokens_of_a_vocabulary_are_counted_as_they_are():
    truth = demonstrations(1)[0]
    tokens = np.full((len(truth), 7), ZERO_TOKEN)
    tokens[: len(truth) // 4, 0] = 31744
    invalid = np.zeros(len(truth), dtype=np.int64)
    invalid[:6] = 7
    part = EpisodePairs("a", "t", truth, np.zeros_like(truth), tokens, invalid)
    table = measure(pair_up([part]), scale(), resamples=2)
    assert table.value("top_token", "x") == pytest.approx(1 - (len(truth) // 4) / len(truth))
    assert table.value("top_token", "y") == 1
    assert table.value("invalid_tokens", "motion") == pytest.approx(6 / len(truth))


def test_a_policy_without_tokens_is_counted_by_bins_and_has_no_invalid_ones():
    truth = demonstrations(1)[0]
    table = measure(pair_up([EpisodePairs("a", "t", truth, truth)]), scale(), resamples=2)
    assert table.value("top_token", "x") == table.value("top_token_truth", "x")
    assert 0.1 < table.value("top_token", "x") < 0.9
    assert np.isnan(table.value("invalid_tokens", "motion"))


def test_more_than_256_tokens_do_not_overflow():
    truth = np.tile(demonstrations(1)[0], (20, 1))[:1000]
    tokens = np.tile(np.arange(1000)[:, None], (1, 7))
    tokens[:100] = 5
    part = EpisodePairs("a", "t", truth, truth, tokens, np.zeros(1000, dtype=np.int64))
    table = measure(pair_up([part]), scale(), resamples=2)
    assert table.value("top_token", "x") < 0.8
