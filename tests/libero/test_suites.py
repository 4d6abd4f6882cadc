from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.families.rdt.instructions import sentence
from forkctl.libero.errors import UnknownTaskError
from forkctl.libero.suites import (
    SUITES,
    file_name_from_task,
    find_suite,
    get_suite,
    language_from_task,
    task_name_from_file,
)


def test_every_task_belongs_to_one_suite() -> None:
    tasks = [task for suite in SUITES.values() for task in suite.tasks]
    assert len(tasks) == len(set(tasks)) == 130
    assert {name: len(suite.tasks) for name, suite in SUITES.items()} == {
        "libero_spatial": 10,
        "libero_object": 10,
        "libero_goal": 10,
        "libero_10": 10,
        "libero_90": 90,
    }
    for suite in SUITES.values():
        assert {find_suite(task) for task in suite.tasks} == {suite}
    assert find_suite("stack_my_own_cubes") is None


def test_a_demo_that_fits_the_cap_and_counts_that_fit_the_tasks() -> None:
    for suite in SUITES.values():
        assert suite.longest_raw_demo < suite.max_steps
        assert suite.raw_demos == 50 * len(suite.tasks)
        assert suite.regenerated_demos is None or suite.regenerated_demos < suite.raw_demos


@pytest.mark.parametrize(
    ("task", "language"),
    [
        ("KITCHEN_SCENE10_close_the_top_drawer", "close the top drawer"),
        ("LIVING_ROOM_SCENE1_pick_up_the_ketchup", "pick up the ketchup"),
        ("open_the_middle_drawer_of_the_cabinet", "open the middle drawer of the cabinet"),
    ],
)
def test_language_leaves_the_scene_out(task: str, language: str) -> None:
    assert language_from_task(task) == language


@pytest.mark.parametrize("task", [task for suite in SUITES.values() for task in suite.tasks])
def test_task_and_file_name_lead_to_each_other(task: str) -> None:
    assert task_name_from_file(Path("some/folder") / file_name_from_task(task)) == task


@pytest.mark.parametrize("name", ["a_task.h5", "a_task.hdf5", "a_task_demo.h5"])
def test_other_file_names(name: str) -> None:
    assert task_name_from_file(name) == "a_task"


def test_suite_names_with_the_no_noops_ending() -> None:
    assert get_suite("libero_goal_no_noops") is get_suite("libero_goal")
    with pytest.raises(UnknownTaskError, match="libero_gaol") as caught:
        get_suite("libero_gaol")
    assert "libero_goal" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("open the drawer", "Open the drawer."), ("Open it.", "Open it."), ("", "")],
)
def test_sentence_as_rdt_was_trained_on(language: str, expected: str) -> None:
    assert sentence(language) == expected
