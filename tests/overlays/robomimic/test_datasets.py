"""What robomimic's overlay makes of the file that a run gives it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from forkctl.errors import ForkctlError
from forkctl.libero.tools.merge import MergeOptions, merge
from tests import ROOT


@pytest.fixture(autouse=True)
def _overlay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "overlays" / "robomimic"))
    for name in [each for each in sys.modules if each.split(".")[0] == "robomimic"]:
        monkeypatch.delitem(sys.modules, name)


def test_a_dataset_does_not_open_when_what_it_links_to_is_gone(
    synthetic: Callable[..., Path], tmp_path: Path
) -> None:
    """HDF5 would give zeros, and training end with a loss of 0."""
    from robomimic.forkctl_ext.datasets import demo_length

    data = Path(shutil.copytree(synthetic(tasks=1, demos=2), tmp_path / "data"))
    given = tmp_path / "data.hdf5"
    merge(list(data.iterdir()), given, MergeOptions(absolute=True))
    with h5py.File(given) as file:
        demo = file["data/demo_0"]
        assert demo_length(demo) == len(demo["actions"])
    data.rename(tmp_path / "renamed")
    with h5py.File(given) as file, pytest.raises(ForkctlError, match="gone"):
        demo_length(file["data/demo_0"])
