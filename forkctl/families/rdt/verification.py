"""Are RDT's actions in metres and radians? Asked of LIBERO files, or of a dataset_stat.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forkctl.checks import Check, any_failed, failed
from forkctl.families.rdt.measuring import layout_entry, robot_base
from forkctl.families.rdt.physical_units import (
    Slot,
    entry_in,
    representation_in,
    round_trip_error,
    slots_in,
    unit_checks,
)
from forkctl.families.rdt.vectors import RdtLayout
from forkctl.libero.errors import DataFileError
from forkctl.libero.files.paths import find_files
from forkctl.reading import read_json

_ROUND_TRIP = 1e-6


@dataclass(frozen=True)
class Verification:
    """`round_trip` is None where there are numbers only, and no data."""

    name: str
    representation: str
    slots: tuple[Slot, ...]
    checks: tuple[Check, ...]
    round_trip: float | None = None

    @property
    def failed(self) -> bool:
        return any_failed(self.checks)


def verify_folder(path: Path, representation: str, alignment: str) -> Verification:
    files = find_files([path])
    layout = RdtLayout(representation)
    if representation == "absolute":
        layout = RdtLayout(representation, robot_base=robot_base(files))
    entry = layout_entry(path.name, files, layout, alignment=alignment)
    error = round_trip_error(files, layout, alignment)
    checks = unit_checks(entry, representation)
    if error > _ROUND_TRIP:
        text = f"actions change by {error:.2g} when converted to RDT's vector and back"
        checks.append(failed("round trip", text))
    return _verification(path.name, entry, layout, checks, error)


def verify_file(path: Path, name: str | None, representation: str | None) -> Verification:
    try:
        content = read_json(path)
    except OSError as error:
        raise DataFileError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValueError as error:
        raise DataFileError(f"is not JSON: {error}", where=str(path)) from None
    name, entry = entry_in(content, name, str(path))
    representation = representation or representation_in(entry)
    checks = unit_checks(entry, representation)
    return _verification(name, entry, RdtLayout(representation), checks)


def _verification(
    name: str,
    entry: Mapping[str, Any],
    layout: RdtLayout,
    checks: list[Check],
    round_trip: float | None = None,
) -> Verification:
    slots = tuple(slots_in(entry, layout))
    return Verification(name, layout.representation, slots, tuple(checks), round_trip)
