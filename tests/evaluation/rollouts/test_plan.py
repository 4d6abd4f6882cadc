from __future__ import annotations

import pytest

from forkctl.errors import UsageError
from forkctl.evaluation.rollouts.pool import TrialQueue
from forkctl.evaluation.rollouts.trials import (
    Shard,
    choose_init_states,
    trials_from_init_states,
)
from forkctl.libero.suites import choose_tasks, get_suite

SPATIAL = get_suite("libero_spatial")


def trials(tasks: int = 3, count: int = 7):
    return trials_from_init_states(SPATIAL.tasks[:tasks], count, range(5), seed=0)


def test_shards_share_the_work_and_nothing_else():
    whole = trials()
    shards = [Shard.parse(f"{number}/4").of(whole) for number in (1, 2, 3, 4)]
    assert sorted(trial.name for shard in shards for trial in shard) == sorted(
        trial.name for trial in whole
    )
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    assert len({Shard.parse(f"{number}/4").record for number in (1, 2, 3, 4)}) == 4


@pytest.mark.parametrize("words", ["0/4", "5/4", "1", "1/0", "a/b", "-1/2"])
def test_what_is_no_shard(words):
    with pytest.raises(UsageError, match="not a shard"):
        Shard.parse(words)


def test_initial_states_begin_again_with_other_seeds():
    found = trials(1)
    assert [trial.start.init_state for trial in found] == [0, 1, 2, 3, 4, 0, 1]
    assert len({trial.seed for trial in found}) == 7


def test_a_trial_does_not_depend_on_how_many_there_are():
    assert trials(3, 7)[7:9] == trials(2, 9)[9:11]


def test_another_seed_is_another_evaluation():
    other = trials_from_init_states(SPATIAL.tasks[:1], 3, range(5), seed=1)
    assert not {trial.seed for trial in other} & {trial.seed for trial in trials(1, 3)}


def test_tasks_by_number_and_by_part_of_a_name():
    assert choose_tasks(SPATIAL, None) == SPATIAL.tasks
    assert choose_tasks(SPATIAL, "1, 0,1") == (SPATIAL.tasks[1], SPATIAL.tasks[0])
    (found,) = choose_tasks(SPATIAL, "from table center")
    assert "from_table_center" in found


@pytest.mark.parametrize(
    ("words", "message"), [("10", "no task"), ("bowl", "10 tasks"), (",", "is named")]
)
def test_tasks_that_are_not_one(words, message):
    with pytest.raises(UsageError, match=message):
        choose_tasks(SPATIAL, words)


@pytest.mark.parametrize(
    ("words", "states"), [("0:3", [0, 1, 2]), ("48:50", [48, 49]), ("7,3", [7, 3])]
)
def test_initial_states(words, states):
    assert list(choose_init_states(words)) == states


@pytest.mark.parametrize("words", ["3:3", "0:51", "50", "all", "1:2:3", ""])
def test_what_are_no_initial_states(words):
    with pytest.raises(UsageError, match="initial states"):
        choose_init_states(words)


def test_a_world_keeps_its_task_and_helps_where_most_is_left():
    queue = TrialQueue(trials(2, 3))
    first = queue.take(None)
    second = queue.take(None)
    assert first.task != second.task
    taken = [queue.take(first.task), queue.take(first.task)]
    assert {trial.task for trial in taken} == {first.task}
    helping = queue.take(first.task)
    assert helping.task == second.task
    rest = [queue.take(second.task)]
    assert queue.take(second.task) is None
    names = [trial.name for trial in (first, second, *taken, helping, *rest)]
    assert sorted(names) == sorted(trial.name for trial in trials(2, 3))


def test_a_closed_deck_gives_nothing():
    queue = TrialQueue(trials())
    queue.close()
    assert queue.take(None) is None
