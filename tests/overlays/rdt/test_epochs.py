from __future__ import annotations

from collections import Counter

import pytest
from forkctl_rdt.epochs import StepSampler


def epochs(made: StepSampler, number: int) -> list[list[int]]:
    return [list(made) for _ in range(number)]


def test_an_epoch_has_every_step_and_ends_with_a_whole_update() -> None:
    made = StepSampler(21, 8, 0, 0)
    first, second = epochs(made, 2)
    assert len(first) == len(second) == len(made) == 24
    for each in (first, second):
        counts = Counter(each)
        assert set(counts) == set(range(21))
        assert sorted(counts.values())[-4:] == [1, 2, 2, 2], "three more, none of them twice"
    assert first != second
    assert epochs(StepSampler(21, 8, 0, 0), 2) == [first, second], "the same in each process"
    assert epochs(StepSampler(21, 8, 1, 0), 2) != [first, second]


def test_data_that_is_smaller_than_an_update_is_taken_more_than_once() -> None:
    (only,) = epochs(StepSampler(3, 8, 0, 0), 1)
    assert Counter(Counter(only).values()) == {3: 2, 2: 1}


@pytest.mark.parametrize("done", [0, 1, 2, 3, 4, 7])
def test_a_run_goes_on_in_the_middle_of_its_epoch(done: int) -> None:
    """With the very samples that were left."""
    whole = [sample for each in epochs(StepSampler(21, 8, 0, 0), 4) for sample in each]
    again = StepSampler(21, 8, 0, done)
    rest = [sample for each in epochs(again, 4 - done // 3) for sample in each]
    assert rest == whole[done * 8 :]
    assert len(again) == 24, "of a whole epoch: upstream counts with it"
