from __future__ import annotations

import shutil

import numpy as np
import pytest

from forkctl.errors import ForkctlError, UsageError
from forkctl.evaluation.openloop.episodes import EpisodeSelection, ObservationChange, load_episodes
from forkctl.evaluation.policies.policy import Conventions
from forkctl.libero.files.reader import open_demo_file

WANTS = Conventions(observations=("agentview_rgb", "ee_pos"), history=3)


@pytest.fixture(scope="module")
def episode(demos):
    return load_episodes(demos, EpisodeSelection.parse("last:1"))[0]


def test_each_observation_goes_with_the_action_that_follows_it(demos, episode):
    """Raw files hold obs[t] recorded after actions[t]."""
    stored = open_demo_file(episode.file)[episode.demo.name]
    assert (episode.truth() == stored.actions()[1:]).all()
    newest = episode.query(5, WANTS).observation["ee_pos"][-1]
    assert (newest == stored.obs("ee_pos")[5]).all()


def test_history_ends_with_the_current_step_and_repeats_the_first(episode):
    stored = episode.demo.obs("ee_pos")
    assert (episode.query(7, WANTS).observation["ee_pos"] == stored[5:8]).all()
    first = episode.query(0, WANTS).observation["ee_pos"]
    assert (first == stored[[0, 0, 0]]).all()
    assert episode.query(4, WANTS).observation["agentview_rgb"].shape == (3, 64, 64, 3)


def test_images_are_turned_when_the_policy_wants_them_upright_or_a_probe_does(episode):
    upright = Conventions(observations=("agentview_rgb", "ee_pos"), rotate_images=True)
    stored = episode.demo.frame("agentview_rgb", 3)
    turned = stored[::-1, ::-1]
    probe = ObservationChange("", rotate=True)
    as_stored = Conventions(observations=("agentview_rgb", "ee_pos"))

    def shown(wants, change=None):
        query = episode.query(3, wants, change) if change else episode.query(3, wants)
        return query.observation["agentview_rgb"][0]

    assert (shown(as_stored) == stored).all()
    assert (shown(upright) == turned).all()
    assert (shown(as_stored, probe) == turned).all()
    assert (shown(upright, probe) == stored).all()
    assert not (stored == turned).all()
    turned_state = episode.query(3, upright).observation["ee_pos"][0]
    assert (turned_state == episode.demo.obs("ee_pos")[3]).all()


def test_a_shift_shows_another_step_and_stays_within_the_demo(episode):
    stored = episode.demo.obs("ee_pos")
    wants = Conventions(observations=("ee_pos",))

    def position(step, shift):
        return episode.query(step, wants, ObservationChange("", shift=shift)).observation["ee_pos"][
            0
        ]

    assert (position(5, 1) == stored[6]).all()
    assert (position(5, -1) == stored[4]).all()
    assert (position(0, -1) == stored[0]).all()
    last = episode.steps - 1
    assert np.isfinite(position(last, 1)).all()


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("last:2", ["demo_8", "demo_9"]),
        ("first:2", ["demo_0", "demo_1"]),
        ("every:4", ["demo_0", "demo_4", "demo_8"]),
        ("all", [f"demo_{number}" for number in range(10)]),
    ],
)
def test_which_demos_are_held_out(demos, words, chosen):
    episodes = load_episodes(demos, EpisodeSelection.parse(words))
    for task in {episode.task for episode in episodes}:
        assert [e.demo.name for e in episodes if e.task == task] == chosen
    assert str(EpisodeSelection.parse(words)) == words


@pytest.mark.parametrize("words", ["", "last", "last:0", "last:-1", "5", "some:3", "all:2"])
def test_words_that_choose_nothing_are_refused(words):
    with pytest.raises(UsageError):
        EpisodeSelection.parse(words)


def test_a_limit_keeps_the_first_steps(demos):
    episodes = load_episodes(demos, EpisodeSelection.parse("last:1"), max_steps=7)
    assert {episode.steps for episode in episodes} == {7}
    assert all(len(episode.truth()) == 7 for episode in episodes)


def test_an_observation_that_is_not_there_is_named(episode):
    with pytest.raises(ForkctlError, match="'depth'") as refused:
        episode.query(0, Conventions(observations=("depth",)))
    assert "agentview_rgb" in str(refused.value)


def test_no_data_and_the_same_task_twice(demos, tmp_path):
    with pytest.raises(ForkctlError, match=r"no \.hdf5 or \.h5 file"):
        load_episodes(tmp_path, EpisodeSelection.parse("all"))
    file = next(demos.glob("*.hdf5"))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(file, tmp_path / name / file.name)
    with pytest.raises(ForkctlError, match="same task"):
        load_episodes(tmp_path, EpisodeSelection.parse("last:1"))
