"""The patches of this repository, read as their authors' reviewers would."""

from __future__ import annotations

import pytest

from forkctl.patching.reading.lint import lint
from forkctl.patching.reading.loading import all_series, load_series
from tests import ROOT


@pytest.mark.parametrize("series", all_series(ROOT / "patches"))
def test_a_shipped_patch_asks_for_no_second_look(series: str) -> None:
    for patch in load_series(ROOT / "patches", series):
        assert lint(patch) == ()
        assert len(patch.why) > 40
