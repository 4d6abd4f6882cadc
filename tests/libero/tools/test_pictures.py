"""Pictures show the demo: right way up, in time order, readable as PNG."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from forkctl.libero.files.reader import DemoFile
from forkctl.libero.tools.pictures import save_contact_sheet, save_plot, strip


def test_the_sheet_shows_frames_upright_and_in_order(pristine_raw: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "sheet.png"
    with DemoFile(pristine_raw) as file:
        demo = file["demo_1"]
        save_contact_sheet(demo, target, columns=4, rows=2)
        first, last = (demo.frame("agentview_rgb", t)[::-1] for t in (0, demo.length - 1))
        hand = demo.frame("eye_in_hand_rgb", 0)[::-1]
    sheet = cv2.imread(str(target))[..., ::-1]
    step = 128 + 2
    assert sheet.shape == (4 * step, 4 * step, 3)  # two rows for each camera
    np.testing.assert_array_equal(sheet[:128, :128], first)
    np.testing.assert_array_equal(sheet[step : step + 128, 3 * step : 3 * step + 128], last)
    np.testing.assert_array_equal(sheet[2 * step : 2 * step + 128, :128], hand)


def test_a_strip_never_repeats_a_frame(pristine_raw: Path) -> None:
    with DemoFile(pristine_raw) as file:
        demo = file["demo_0"]
        assert len(strip(demo, "agentview_rgb", 8)) == 8
        assert len(strip(demo, "agentview_rgb", 10_000)) == demo.length


@pytest.mark.slow
def test_the_plot_is_a_picture_with_something_on_it(pristine_raw: Path, tmp_path: Path) -> None:
    target = tmp_path / "plot.png"
    with DemoFile(pristine_raw) as file:
        save_plot(file["demo_0"], target, "raw")
    picture = cv2.imread(str(target))
    assert min(picture.shape[:2]) > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
