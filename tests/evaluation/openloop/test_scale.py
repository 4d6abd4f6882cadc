from __future__ import annotations

import json

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.evaluation.openloop.scale import Scale, published_scales, scale_from_file, scale_of

ACTION = {
    "q01": [-0.7, -0.6, -0.9, -0.1, -0.2, -0.18, 0.0],
    "q99": [0.9, 0.8, 0.9, 0.1, 0.17, 0.14, 1.0],
    "mean": [0.1, 0.1, -0.1, 0.0, 0.0, 0.0, 0.75],
}


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_openvlas_gripper_is_turned_into_liberos(tmp_path):
    path = written(tmp_path / "s.json", {"libero_spatial": {"action": ACTION}})
    scale = scale_from_file(path, None)
    assert scale.mean[6] == pytest.approx(-0.5)  # three quarters open
    assert scale.span[0] == pytest.approx(1.6)
    assert scale.dead_zone[0] == pytest.approx(0.04)


def test_a_scale_survives_json():
    scale = scale_of(np.random.default_rng(0).uniform(-1, 1, (100, 7)), "here")
    again = Scale.from_json(json.loads(json.dumps(scale.to_json())))
    assert (again.q01 == scale.q01).all()
    assert (again.mean == scale.mean).all()
    assert again.source == "here"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", "cannot read"),
        ({}, "not a statistics file"),
        ({"a": {"action": ACTION}, "b": {"action": ACTION}}, "holds statistics of a, b"),
        ({"a": {}}, "no action statistics"),
        ({"a": {"action": {**ACTION, "q01": [0.0] * 10}}}, "not 7 finite numbers"),
        ({"a": {"action": {**ACTION, "q99": [None] * 7}}}, "not 7 finite numbers"),
        ({"a": {"action": {"q01": ACTION["q01"]}}}, "no usable"),
    ],
)
def test_a_bad_statistics_file_is_refused_in_words(tmp_path, content, words):
    path = written(tmp_path / "s.json", content)
    with pytest.raises(ForkctlError, match=words) as refused:
        scale_from_file(path, None)
    assert refused.value.where == str(path)


def test_a_dead_zone_below_half_a_bin_is_refused():
    with pytest.raises(ForkctlError, match="half a bin"):
        scale_of(np.ones((3, 7)), "", dead_zone_share=0.001)


def test_a_still_dimension_does_not_divide_by_zero():
    scale = scale_of(np.zeros((10, 7)), "")
    assert (scale.span > 0).all()
    assert np.isfinite(scale.normalise(np.ones((1, 7)))).all()


def test_bins_cover_the_range_and_clip_beyond():
    scale = Scale(-np.ones(7), np.ones(7), np.zeros(7), "")
    bins = scale.bins(np.array([[-9, -1, -0.0001, 0.0001, 0.999, 9, 0]]))
    assert bins[0].tolist()[:6] == [0, 0, 127, 127, 254, 255]


def test_published_scales_speak_liberos_gripper():
    scales = published_scales()
    assert len(scales) >= 4
    spatial = scales["the published statistics of libero_spatial"]
    assert spatial.q99[0] == pytest.approx(0.9375)
    assert (spatial.q01[6], spatial.q99[6]) == (-1, 1)
    assert spatial.mean[6] == pytest.approx(1 - 2 * 0.457882, abs=1e-5)
