"""Damage at random: no crash, no hang, and a clean pass only where nothing is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.libero.schema import FILE_ATTRS, PUBLISHED_LAYOUTS
from forkctl.libero.validation import FileReport, Severity
from forkctl.libero.validation.isolation import check_files
from tests.libero.synthetic import small_file

pytestmark = pytest.mark.slow

CORRUPTIONS = 500
OF_SMALL = {"episode-cut", "noop-share"}  # true of files that have the grasp alone


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small good files: contiguous and compressed frames, with and without attributes."""
    folder = tmp_path_factory.mktemp("whole")
    return {
        f"{layout.value}-{kind}": small_file(
            folder / layout.value / kind, layout, steps=16, compress=kind == "compressed"
        )
        for layout in PUBLISHED_LAYOUTS
        for kind in ("compressed", "contiguous")
    }


def flip(content: bytearray, rng: np.random.Generator, first: int, last: int) -> None:
    for place in rng.integers(first, last, rng.integers(1, 64)):
        content[place] ^= int(rng.integers(1, 256))


def metadata_places(content: bytes, rng: np.random.Generator) -> int:
    """A place near one of HDF5's signatures, where a changed byte hurts most."""
    signatures = (b"TREE", b"SNOD", b"HEAP", b"OHDR", b"\x89HDF")
    found = [
        at for sign in signatures if (at := content.find(sign, int(rng.integers(len(content)))))
    ]
    return max(max(found), 0)


def corrupt(path: Path, number: int) -> str:
    """Change the file; says how, for when a case has to be looked at."""
    rng = np.random.default_rng(number)
    kind = ("flip", "flip-metadata", "truncate", "zero", "swap-blocks", "swap-groups")[number % 6]
    if kind == "swap-groups":
        return f"{number}: {swap_groups(path, rng)}"
    content = bytearray(path.read_bytes())
    if kind == "flip":
        flip(content, rng, 0, len(content))
    elif kind == "flip-metadata":
        start = metadata_places(bytes(content), rng)
        flip(content, rng, start, min(start + 600, len(content)))
    elif kind == "truncate":
        del content[int(rng.integers(len(content))) :]
    elif kind == "zero":
        start = int(rng.integers(len(content)))
        length = int(rng.integers(1, 1 << 16))
        content[start : start + length] = bytes(len(content[start : start + length]))
    else:
        size = int(rng.integers(16, 4096))
        one, other = (int(each) for each in rng.integers(0, len(content) - size, 2))
        block = bytes(content[one : one + size])
        content[one : one + size] = content[other : other + size]
        content[other : other + size] = block
    path.write_bytes(content)
    return f"{number}: {kind}"


def swap_groups(path: Path, rng: np.random.Generator) -> str:
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file["data"].visit(names.append)
        one, other = rng.choice(len(names), 2, replace=False)
        first, second = names[one], names[other]
        if first.startswith(f"{second}/") or second.startswith(f"{first}/"):
            del file[f"data/{first}"]
            return f"deleted {first}"
        for source, target in ((first, "held"), (second, first), ("held", second)):
            file.move(f"data/{source}", f"data/{target}")
        return f"swapped {first} and {second}"


def is_right(path: Path, original: Path) -> bool:
    """Judged without the validator: what is there is whole, readable, in form and in range."""
    with h5py.File(path) as file, h5py.File(original) as reference:
        data, wanted = file["data"], reference["data"]
        if wanted.attrs and (set(data) != set(wanted) or set(FILE_ATTRS) - set(data.attrs)):
            return False  # without attributes, a file of fewer demos is as good a file
        return all(demo_is_right(data[name], wanted["demo_0"]) for name in data)


def demo_is_right(demo: h5py.Group, reference: h5py.Group) -> bool:
    places: list[str] = []
    reference.visit(places.append)
    datasets = [place for place in places if isinstance(reference[place], h5py.Dataset)]
    if any(place not in demo for place in datasets):
        return False
    arrays = {place: demo[place][...] for place in datasets}
    return (
        len({len(values) for values in arrays.values()}) == 1
        and all(
            values.shape[1:] == reference[place].shape[1:] and np.isfinite(values).all()
            for place, values in arrays.items()
        )
        and np.abs(arrays["actions"]).max() <= 1 + 1e-5
    )


def is_clean(report: FileReport) -> bool:
    return all(e.severity is Severity.NOTE or e.code in OF_SMALL for e in report.findings)


def test_whole_files_pass(whole: dict[str, Path]) -> None:
    reports = list(check_files([str(path) for path in whole.values()]))
    assert [report.path for report in reports if not is_clean(report)] == []
    assert all(is_right(path, path) for path in whole.values())


@pytest.mark.slow
def test_no_corruption_crashes_hangs_or_passes_wrongly(
    whole: dict[str, Path], tmp_path: Path
) -> None:
    kinds = list(whole)
    cases: dict[str, tuple[str, Path]] = {}
    for number in range(CORRUPTIONS):
        original = whole[kinds[number // 6 % len(kinds)]]
        folder = tmp_path / str(number)
        folder.mkdir()
        copy = Path(shutil.copy(original, folder))
        cases[str(copy)] = (corrupt(copy, number), original)
    reports = {report.path: report for report in check_files(list(cases), jobs=2, seconds=60)}
    assert reports.keys() == cases.keys()
    hung = [cases[path][0] for path, report in reports.items() if "reader-hung" in codes(report)]
    assert hung == []
    wrong = [
        how
        for path, (how, original) in cases.items()
        if is_clean(reports[path]) and not is_right(Path(path), original)
    ]
    assert wrong == []
    clean = sum(is_clean(report) for report in reports.values())
    assert 0 < clean < CORRUPTIONS / 2  # bytes of pixels may change unseen; most damage is named


def codes(report: FileReport) -> set[str]:
    return {each.code for each in report.findings}
