"""Epochs and schedules of RDT's own main.py, where several processes accumulate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import pytest

from forkctl.libero.synth import SynthOptions, write_suite
from tests.driver import Fork
from tests.upstream.rdt.runs import Run, new_run

pytestmark = pytest.mark.slow

LINEAR = ("--lr_scheduler", "linear", "--dataloader_num_workers", "0", "--sample_period", "-1")
TWO_BY_TWO_BY_TWO = ("--train_batch_size", "2", "--gradient_accumulation_steps", "2")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two demos to train on, of 5 and 9 steps: two updates of eight samples, two of them again."""
    folder = tmp_path_factory.mktemp("short")
    for path in write_suite(folder, "libero_spatial", SynthOptions(demos=2, image_size=32), 2):
        length = 6 if path.name.startswith("pick_up_the_black_bowl_between") else 10
        with h5py.File(path, "r+") as file:
            for demo in file["data"].values():
                shorten(demo, length)
                demo.attrs["num_samples"] = length
    return folder


def shorten(group: Any, length: int) -> None:
    for name, item in list(group.items()):
        if isinstance(item, h5py.Group):
            shorten(item, length)
        else:
            rows = item[:length]
            del group[name]
            group[name] = rows


@pytest.fixture(scope="module")
def trained(rdt: Fork, tiny: Path, short: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Five updates by two processes that accumulate two batches of two."""
    run = new_run(rdt, tiny, tmp_path_factory.mktemp("epochs") / "run", short, alignment="raw")
    words = ("--max_train_steps", "5", "--lr_warmup_steps", "2", "--checkpointing_period", "1")
    done = run.main(*LINEAR, *TWO_BY_TWO_BY_TWO, *words, processes=2)
    assert done.code == 0, done.output[-4000:]
    return run


def test_an_epoch_is_all_steps_of_the_data(trained: Run) -> None:
    lines = trained.metrics()
    assert [line["step"] for line in lines[:5]] == [1, 2, 3, 4, 5]
    assert [line["epoch"] for line in lines[:5]] == [1, 1, 2, 2, 3]


def test_a_schedule_takes_as_many_updates_as_asked_for(trained: Run) -> None:
    rates = [line["lr"] for line in trained.metrics()[:5]]
    assert rates == pytest.approx([0.5e-3, 1e-3, 2e-3 / 3, 1e-3 / 3, 0])


@pytest.fixture(scope="module")
def resumed(trained: Run) -> Run:
    """Its third checkpoint, taken on to the seventh update by one process."""
    words = ("--max_train_steps", "7", "--lr_warmup_steps", "2", "--train_batch_size", "8")
    done = trained.main(*LINEAR, *words, "--resume_from_checkpoint", "checkpoint-3")
    assert done.code == 0, done.output[-4000:]
    return trained


def test_a_run_goes_on_in_the_middle_of_an_epoch_and_ends_where_it_should(resumed: Run) -> None:
    """Where an epoch was begun anew, the one that was left over made an eighth step of seven."""
    lines = resumed.metrics()[5:]
    assert [line["step"] for line in lines] == [4, 5, 6, 7]
    assert [line["epoch"] for line in lines] == [2, 3, 3, 4]


def test_the_average_goes_on_too(rdt: Fork, resumed: Run) -> None:
    """The fourth checkpoint is the resumed run's: it went on from the third."""
    folders = [str(resumed.out / f"checkpoint-{step}") for step in (3, 4)]
    kept, off = json.loads(rdt.says(str(rdt.scripts / "probe_average.py"), *folders))
    assert kept == pytest.approx(1 - 3**-0.75, abs=1e-3), "upstream's own share after three updates"
    assert off < 1e-6


def test_a_run_of_so_many_epochs(rdt: Fork, tiny: Path, short: Path, tmp_path: Path) -> None:
    run = new_run(rdt, tiny, tmp_path / "run", short, alignment="raw")
    words = ("--num_train_epochs", "2", "--lr_warmup_steps", "0")
    done = run.main(*LINEAR, *TWO_BY_TWO_BY_TWO, *words, processes=2)
    assert done.code == 0, done.output[-4000:]
    assert [line["epoch"] for line in run.metrics()] == [1, 1, 2, 2]
    rates = [line["lr"] for line in run.metrics()]
    assert rates == pytest.approx([0.75e-3, 0.5e-3, 0.25e-3, 0])
