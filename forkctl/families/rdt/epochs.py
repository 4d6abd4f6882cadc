"""How many updates of the model an epoch has: one is every step of the data, in whole updates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from forkctl.families.rdt.measuring import training_demos
from forkctl.libero.alignment import AUTO
from forkctl.libero.files.reader import open_demo_file


def updates_per_epoch(steps: int, samples_per_update: int) -> int:
    return -(-steps // samples_per_update)


def steps_to_train_on(files: Iterable[Path], alignment: str = AUTO, holdout: int = 0) -> int:
    steps = 0
    for path in files:
        with open_demo_file(path) as file:
            steps += sum(len(demo.pairing(alignment)) for demo in training_demos(file, holdout))
    return steps
