from __future__ import annotations

import io

import numpy as np
import pytest

from forkctl.inside.protocol import BrokenMessage, read_message, write_message


def sent(*messages):
    pipe = io.BytesIO()
    for message in messages:
        write_message(pipe, message)
    return pipe.getvalue()


def test_arrays_anywhere_arrive_as_they_were():
    image = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    message = {
        "observations": [{"rgb": image, "pos": np.array([0.1, np.nan])}, {"rgb": image[:, ::-1]}],
        "instructions": ["größer"],
        "seed": 7,
        "nothing": None,
        "empty": np.zeros((0, 7), dtype=np.float32),
    }
    found = read_message(io.BytesIO(sent(message)))
    assert (found["observations"][1]["rgb"] == image[:, ::-1]).all()
    assert found["observations"][0]["rgb"].dtype == np.uint8
    assert np.isnan(found["observations"][0]["pos"][1])
    assert found["instructions"] == ["größer"]
    assert found["empty"].shape == (0, 7)
    found["observations"][0]["rgb"][0] = 0  # a policy may change what it is given


def test_messages_follow_each_other_and_the_end_is_told():
    pipe = io.BytesIO(sent({"a": 1}, {"b": np.float32(0.5)}))
    assert read_message(pipe) == {"a": 1}
    assert read_message(pipe) == {"b": 0.5}
    assert read_message(pipe) is None


@pytest.mark.parametrize("lost", [1, 10, 60])
def test_an_end_within_a_message_is_an_error(lost):
    content = sent({"a": np.zeros(10)})
    with pytest.raises(BrokenMessage):
        read_message(io.BytesIO(content[:-lost]))


def test_stray_output_is_an_error_and_not_an_endless_read():
    with pytest.raises(BrokenMessage, match="stray"):
        read_message(io.BytesIO(b"Loading checkpoint shards: 100%"))
