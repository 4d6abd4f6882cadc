"""One look at a folder of LIBERO files, or at a dataset_stat.json, as RDT would see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forkctl.families.rdt.measuring import layout_entry, robot_base
from forkctl.families.rdt.physical_units import (
    ERROR,
    Remark,
    Row,
    entry_in,
    remarks_on,
    representation_in,
    round_trip_error,
    rows_of,
)
from forkctl.families.rdt.vectors import RdtLayout
from forkctl.libero.errors import DataFileError
from forkctl.libero.files.paths import find_files

_ROUND_TRIP = 1e-6


@dataclass(frozen=True)
class Verification:
    """`round_trip` is None where there are numbers alone, and no data."""

    name: str
    representation: str
    rows: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    round_trip: float | None = None


def verify_folder(path: Path, representation: str, alignment: str) -> Verification:
    files = find_files([path])
    layout = RdtLayout(representation)
    if representation == "absolute":
        layout = RdtLayout(representation, robot_base=robot_base(files))
    entry = layout_entry(path.name, files, layout, alignment=alignment)
    error = round_trip_error(files, layout, alignment)
    remarks = remarks_on(entry, representation)
    if error > _ROUND_TRIP:
        remarks.append(Remark(ERROR, f"actions change by {error:.2g} on the way there and back"))
    return _result(path.name, entry, layout, remarks, error)


def verify_file(path: Path, name: str | None, representation: str | None) -> Verification:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataFileError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValueError as error:
        raise DataFileError(f"is not JSON: {error}", where=str(path)) from None
    name, entry = entry_in(content, name, str(path))
    representation = representation or representation_in(entry)
    return _result(name, entry, RdtLayout(representation), remarks_on(entry, representation))


def _result(
    name: str,
    entry: Mapping[str, Any],
    layout: RdtLayout,
    remarks: list[Remark],
    round_trip: float | None = None,
) -> Verification:
    rows = tuple(rows_of(entry, layout))
    return Verification(name, layout.representation, rows, tuple(remarks), round_trip)
