from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from forkctl.environments.demonstrations import tasks_to_do
from forkctl.errors import UsageError
from forkctl.libero.suites import SUITES
from forkctl.simulation.errors import SimulationError
from forkctl.simulation.expert.goals import refused_tasks, supported_tasks
from forkctl.simulation.tasks import states_in
from tests.checkpoints.torch_files import write_archive


def test_what_is_no_pick_and_place_is_refused_by_name() -> None:
    assert supported_tasks("libero_spatial") == SUITES["libero_spatial"].tasks
    assert supported_tasks("libero_object") == SUITES["libero_object"].tasks
    assert len(supported_tasks("libero_goal")) == 6
    assert refused_tasks("libero_goal")["turn_on_the_stove"] == "turning a knob"
    assert supported_tasks("libero_90") == supported_tasks("libero_10") == ()


def test_tasks_are_those_that_the_expert_can_do() -> None:
    every = SUITES["libero_spatial"].tasks
    assert tasks_to_do("libero_spatial", f"3,{every[0]}") == (every[3], every[0])
    assert tasks_to_do("libero_spatial", None) == every
    with pytest.raises(UsageError, match="turning a knob"):
        tasks_to_do("libero_goal", "turn_on_the_stove")
    for words in (None, "0"):
        with pytest.raises(UsageError, match="can do no task"):
            tasks_to_do("libero_90", words)
    with pytest.raises(UsageError, match="no task of libero_spatial for '10'"):
        tasks_to_do("libero_spatial", "10")


def test_initial_states_are_numbers_alone(tmp_path: Path) -> None:
    path = tmp_path / "task.pruned_init"
    write_archive(path, pickle.dumps(np.eye(3), protocol=2))
    assert np.array_equal(states_in(path), np.eye(3))
    for other in (os.system, np.array([[None]])):
        write_archive(path, pickle.dumps(other, protocol=2))
        with pytest.raises(SimulationError, match="not a file of initial states"):
            states_in(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2**26))
    assert path.stat().st_size < 2**17
    with pytest.raises(SimulationError, match="too long"):
        states_in(path)
