"""Statistics as files: everything that was measured, or the form that a family's upstream reads."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.libero.errors import DataFileError
from forkctl.libero.suites import Suite
from forkctl.libero.units.conventions import Convention
from forkctl.libero.units.measure import DatasetStatistics
from forkctl.libero.units.statistics import Statistics
from forkctl.reading import read_json

_FIELDS = ("mean", "std", "max", "min", "q01", "q99", "near_zero", "nonfinite", "exact_quantiles")


@dataclass(frozen=True)
class StatisticsFile:
    """A file that an upstream reads, known by its name. It has an entry for each data set, in one
    of these conventions: the first where none of them was asked for."""

    name: str
    conventions: tuple[Convention, ...]
    entry: Callable[[str, DatasetStatistics, Convention], Mapping[str, Any]]


def conventions_needed(
    asked: Sequence[Convention], files: Iterable[Path], forms: Mapping[str, StatisticsFile]
) -> tuple[Convention, ...]:
    """What to measure: what was asked for, and what the files to be written need besides."""
    needed = {each.name: each for each in asked}
    for path in files:
        form = forms.get(path.name)
        if form is not None and not any(each.name in needed for each in form.conventions):
            needed[form.conventions[0].name] = form.conventions[0]
    return tuple(needed.values())


def default_name(files: Sequence[Path], suite: Optional[Suite], *, no_noops: bool) -> str:
    """The data set's key: the suite's name as the upstreams spell it, or the folder's name."""
    if suite is None:
        return files[0].absolute().parent.name
    without = no_noops or files[0].absolute().parent.name == suite.regenerated_name
    return suite.regenerated_name if without else suite.name


def write_statistics(
    path: Path, name: str, measured: DatasetStatistics, forms: Mapping[str, StatisticsFile]
) -> None:
    """Write the numbers under `name`: in the form that an upstream reads where the file has that
    upstream's name, otherwise all of them in forkctl's own form."""
    form = forms.get(path.name)
    if form is None:
        update_json(path, name, to_json(measured))
        return
    found = [each for each in form.conventions if each.name in measured.actions]
    if len(found) != 1:
        named = ", ".join(each.name for each in form.conventions)
        raise ForkctlError(
            f"{form.name} holds one representation of the actions, not {len(found)}",
            hint=f"give one --convention of {named}",
        )
    update_json(path, name, form.entry(name, measured, found[0]))


def to_json(measured: DatasetStatistics) -> dict[str, Any]:
    """Everything that was measured, dimensions named; null where there is no number."""
    return {
        "files": measured.files,
        "demos": measured.demos,
        "steps": measured.steps,
        "shortest": measured.shortest,
        "longest": measured.longest,
        "noop_share": measured.noop_share,
        "actions": {name: _named(item) for name, item in measured.actions.items()},
        "states": {name: _named(item) for name, item in measured.states.items()},
    }


def update_json(path: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Set one key of a JSON object in a file; the other keys stay, and the write is one step."""
    content: dict[str, Any] = {}
    if path.exists():
        try:
            content = read_json(path)
        except ValueError as error:
            raise DataFileError(
                f"is not JSON: {error}", where=str(path), hint="give the name of another file"
            ) from error
        if not isinstance(content, dict):
            raise DataFileError(
                "is not a JSON object", where=str(path), hint="give the name of another file"
            )
    content[name] = entry
    write_atomically(path, json.dumps(content, indent=2) + "\n")


def fields_of(statistics: Statistics, names: Sequence[str]) -> dict[str, list[float]]:
    return {name: getattr(statistics, name).tolist() for name in names}


def needed(found: Mapping[str, Statistics], name: str) -> Statistics:
    if name not in found:
        raise ForkctlError(
            f"the {name} numbers were not measured", hint="measure them again, all of them"
        )
    return found[name]


def _named(statistics: Statistics) -> dict[str, Any]:
    columns = fields_of(statistics, _FIELDS)
    return {
        "count": statistics.count,
        "dims": {
            dimension.name: {
                "unit": dimension.unit,
                "meaning": dimension.meaning,
                **{name: _number(column[i]) for name, column in columns.items()},
            }
            for i, dimension in enumerate(statistics.dims)
        },
    }


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
