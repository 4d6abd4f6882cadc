"""The tiny checkpoint is an OpenVLA in every way that upstream's code relies on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.driver import Fork

pytestmark = pytest.mark.slow


def test_upstreams_own_tokenizer_and_model_take_it(openvla: Fork, tiny: Path):
    answer = openvla.probe("probe_tiny", checkpoint=tiny)
    assert answer["vocabulary"] == [32000, 32000]
    # the empty token, seven actions and the end: upstream's masking of labels counts on it
    assert answer["ids"][-9:] == [29871, 31999, 31936, 31872, 31834, 31757, 31744, 31744, 2]
    assert 0 not in answer["ids"], "a prompt with an unknown token"
    expected = [-1.0, -0.5, 0.0, 0.3, 0.9, 1.0, 1.0]
    np.testing.assert_allclose(answer["decoded"], expected, atol=1 / 255)
    assert answer["decoded"][2] == 0.0
    assert answer["loss"] == pytest.approx(answer["uniform"], abs=0.15), "it knows something"
