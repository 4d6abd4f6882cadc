"""Validate, plan, mend, validate again: the finding is gone and no other has come."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from forkctl.errors import ForkctlError
from forkctl.libero.files.reader import DemoFile
from forkctl.libero.schema import FileLayout
from forkctl.libero.tools.fix import Fixes, certain_fixes, fix_file
from forkctl.libero.validation import Severity
from forkctl.libero.validation.file_checks import check_file
from tests.libero.defects import spoil
from tests.libero.synthetic import TASK, good_file

pytestmark = pytest.mark.slow

# Mended without being told. The last ones by leaving a demo out.
CERTAIN = (
    "attr-invalid",
    "attr-mismatch",
    "missing-attrs",
    "image-convention-attr",
    "language-mismatch",
    "demo-gap",
    "no-terminal",
    "metric-actions",
    "gripper-inverted",
    "gripper-01",
    "gripper-open",
    "nan-action",
    "missing-actions",
    "length-mismatch",
    "image-frozen",
    "damaged-chunk",
    "duplicate-demo",
    "unexpected-member",
    "gripper-inverted-in-one",
)
# Mended when a person says what it is.
TOLD = {
    "images-upright": Fixes(images=("upright",)),
    "images-rot180": Fixes(images=("rot180",)),
    "images-mirrored": Fixes(images=("mirrored",)),
    "image-bgr": Fixes(images=("bgr",)),
    "cameras-swapped": Fixes(images=("swap",)),
    "ee-inconsistent": Fixes(ee_states=True),
}


def serious(path: Path) -> list[str]:
    findings = check_file(str(path)).findings
    return [each.code for each in findings if each.severity is not Severity.NOTE]


def mended(source: Path, folder: Path, fixes: Fixes) -> Path:
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    target = folder / source.name
    fix_file((source, target, fixes))
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before
    return target


@pytest.mark.parametrize("defect", CERTAIN)
def test_what_is_certain_is_mended(defect: str, pristine_raw: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copy(pristine_raw, tmp_path))
    spoil(spoilt, defect)
    fixes = certain_fixes(check_file(str(spoilt)))
    assert fixes
    assert serious(mended(spoilt, tmp_path / "out", fixes)) == []


@pytest.mark.parametrize("defect", TOLD)
def test_what_is_only_likely_waits_for_a_word(
    defect: str, pristine_raw: Path, tmp_path: Path
) -> None:
    spoilt = Path(shutil.copy(pristine_raw, tmp_path))
    spoil(spoilt, defect)
    assert not certain_fixes(check_file(str(spoilt)))
    assert serious(mended(spoilt, tmp_path / "out", TOLD[defect])) == []


@pytest.mark.parametrize(
    "defect", ["gripper-inverted", "gripper-01", "gripper-open", "metric-actions"]
)
def test_the_actions_are_those_from_before(defect: str, pristine_raw: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copy(pristine_raw, tmp_path))
    spoil(spoilt, defect)
    target = mended(spoilt, tmp_path / "out", certain_fixes(check_file(str(spoilt))))
    with DemoFile(pristine_raw) as good, DemoFile(target) as found:
        for demo in good:
            np.testing.assert_allclose(found[demo.name].actions(), demo.actions(), atol=1e-12)


def test_a_good_file_needs_nothing(pristine: Path) -> None:
    assert not certain_fixes(check_file(str(pristine)))


def test_regenerated_files_get_attributes_and_numbers(tmp_path: Path) -> None:
    source = good_file(tmp_path / "source", FileLayout.REGENERATED)
    target = mended(source, tmp_path / "out", Fixes(attrs=True, renumber=True))
    assert check_file(str(target)).findings == ()
    with DemoFile(target) as file:
        assert file.demo_names == tuple(f"demo_{k}" for k in range(len(file)))
        assert file["demo_0"].attrs["num_samples"] == file["demo_0"].length
        assert "libero_goal" in file.attrs["bddl_file_name"]


def test_raw_timing_can_be_put_right(pristine_raw: Path, tmp_path: Path) -> None:
    target = mended(pristine_raw, tmp_path, Fixes(align=True))
    with DemoFile(target) as file:
        assert file.alignment() == "aligned"
    assert serious(target) == []


def test_words_describe_themselves() -> None:
    fixes = Fixes(attrs=True, images=("bgr", "swap"), gripper_from="01")
    assert fixes.describe() == "--attrs --gripper-from 01 --images bgr --images swap"
    assert not Fixes(alignment="raw")


def test_mistakes_are_refused(pristine_raw: Path, tmp_path: Path) -> None:
    target = tmp_path / f"{TASK}_demo.hdf5"
    with pytest.raises(ForkctlError, match="demo_99"):
        fix_file((pristine_raw, target, Fixes(drop_demos=("demo_99",))))
    everything = Fixes(drop_demos=tuple(f"demo_{k}" for k in range(4)))
    with pytest.raises(ForkctlError, match="no demo would be left"):
        fix_file((pristine_raw, target, everything))
    assert not target.exists()
