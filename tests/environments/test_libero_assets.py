from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forkctl.environments.libero_assets import Assets, lay_out_assets, recorded_assets
from forkctl.environments.simulator import Simulator, SimulatorState, check_assets
from forkctl.errors import ForkctlError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import GitSource
from forkctl.forks.processes import Children
from forkctl.simulation.settings import ASSETS, holds_assets
from tests.driver import Upstream

TASK = """(define (problem LIBERO_Tabletop_Manipulation)
  (:fixtures main_table - table
    stove_1 - stove)
  (:objects plate_1 plate_2 - plate) (:obj_of_interest plate_1))"""
STOVE = '<mujoco><asset><mesh file="meshes/stove.stl"/></asset></mujoco>'
IN_LIBERO = {
    "libero/libero/bddl_files/libero_goal/task.bddl": TASK,
    "libero/libero/bddl_files/libero_object/task.bddl": TASK.replace("plate", "milk"),
}
NEEDED = {
    "scenes/libero_tabletop_base_style.xml": '<mujoco><texture file="../textures/a.png"/></mujoco>',
    "textures/a.png": "a",
    "plates/plate/plate.xml": '<mujoco><mesh file="visual/plate.msh"/></mujoco>',
    "plates/plate/visual/plate.msh": "plate",
    "articulated_objects/stove.xml": STOVE,
    "articulated_objects/meshes/stove.stl": "stove",
    "wall.xml": "<mujoco/>",
}
OTHERS = {
    "scenes/libero_kitchen_tabletop_base_style.xml": "<mujoco/>",
    "plates/milk/milk.xml": "<mujoco/>",
    "articulated_objects/meshes/fridge.stl": "fridge",
}


@pytest.fixture
def fetcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetcher]:
    monkeypatch.setenv("FORKCTL_CACHE", str(tmp_path / "cache"))
    return Fetcher(Children())


@pytest.fixture
def libero(upstream: Upstream) -> GitSource:
    assets = {f"libero/libero/assets/{path}": text for path, text in {**NEEDED, **OTHERS}.items()}
    return GitSource(upstream.url, upstream.commit({**IN_LIBERO, **assets}), None)


def _copy(folder: Path, **changed: str) -> Path:
    for path, text in {**NEEDED, **changed}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_a_suite_gets_what_its_tasks_load_and_no_more(fetcher: Fetcher, libero: GitSource) -> None:
    made = lay_out_assets(fetcher, ["libero_goal"], None, libero)
    assert set(made.files) == set(NEEDED)
    assert {path: (made.folder / path).read_text() for path in NEEDED} == NEEDED
    assert not (made.folder / "plates/milk").exists()
    more = lay_out_assets(fetcher, ["libero_object"], None, libero)
    assert set(more.files) == {*NEEDED, "plates/milk/milk.xml"}
    assert recorded_assets() == more and more.suites == ("libero_goal", "libero_object")


def test_a_copy_is_held_to_the_commit(fetcher: Fetcher, libero: GitSource, tmp_path: Path) -> None:
    other = _copy(tmp_path / "other", **{"plates/plate/visual/plate.msh": "another plate"})
    with pytest.raises(ForkctlError, match=r"1 of 7 files .*plates/plate/visual/plate.msh"):
        lay_out_assets(fetcher, ["libero_goal"], other, libero)
    with pytest.raises(ForkctlError, match="7 of 7 files"):
        lay_out_assets(fetcher, ["libero_goal"], tmp_path / "nowhere", libero)
    assert recorded_assets() is None
    made = lay_out_assets(fetcher, ["libero_goal"], _copy(tmp_path / "same"), libero)
    assert recorded_assets() == made and not made.faults()


def test_doctor_refuses_an_empty_folder_and_a_damaged_one(
    fetcher: Fetcher, libero: GitSource, tmp_path: Path
) -> None:
    def said(folder: Path | None, assets: Path | None) -> tuple[str, str]:
        variables = {} if folder is None else {ASSETS: str(folder)}
        found = check_assets(
            Simulator(Path("python"), variables), SimulatorState(assets=assets and str(assets))
        )
        assert found.status.value != "failed" or "forkctl env assets" in (found.hint or "")
        return found.status.value, found.text

    (tmp_path / "scenes").mkdir()
    assert not holds_assets(tmp_path)
    assert said(None, None)[0] == "warning"
    assert said(tmp_path, None) == ("failed", f"there are none in {tmp_path}")
    made: Assets = lay_out_assets(fetcher, ["libero_goal"], None, libero)
    assert holds_assets(made.folder)
    assert said(made.folder, made.folder) == ("ok", "7 files for libero_goal")
    (made.folder / "textures/a.png").write_text("b")
    (made.folder / "wall.xml").unlink()
    status, text = said(made.folder, made.folder)
    assert status == "failed" and "2 of 7 files are gone or differ" in text
