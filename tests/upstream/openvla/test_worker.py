"""Our worker answers what upstream's own predict_action answers, many images at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.driver import Fork

pytestmark = pytest.mark.slow


def test_a_batch_equals_upstreams_predict_action_image_by_image(openvla: Fork, tiny: Path):
    answer = openvla.probe("probe_worker", checkpoint=tiny)
    assert all(answer["same"]), answer["same"]
    assert answer["different_answers"] > 4, "a policy that always says the same proves nothing"
    assert answer["invalid"] == answer["counted"]
    assert 0 < sum(answer["invalid"]) < 7 * len(answer["invalid"])
    assert answer["conventions"]["rotate_images"] is True
    assert answer["conventions"]["frame_size"] == 256, "as upstream's own were trained on"
    assert answer["conventions"]["variants"] == [], "nothing says what its base is"
