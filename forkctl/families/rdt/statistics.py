"""A run's own entry for RDT's dataset_stat.json: measured, published, or from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forkctl.errors import ForkctlError
from forkctl.families.rdt import measuring as rdt_statistics
from forkctl.families.rdt.units import REPRESENTATIONS
from forkctl.families.rdt.vectors import RdtLayout
from forkctl.libero.alignment import AUTO
from forkctl.places import expanded
from forkctl.reading import read_json

MEASURED, PUBLISHED = "measured", "published"


def entry(config: dict[str, Any]) -> dict[str, Any]:
    """For a config whose files are known."""
    from forkctl.families.rdt.published import published_actions

    wanted = config.get("statistics") or MEASURED
    options = config["forkctl"]
    if wanted not in (MEASURED, PUBLISHED):
        return from_file(expanded(Path(str(wanted))), options["dataset"])
    measured = rdt_statistics.layout_entry(
        options["dataset"],
        [Path(file) for file in options["files"]],
        layout_of(options),
        alignment=options.get("alignment", AUTO),
        holdout=options.get("holdout", 0),
    )
    if wanted == PUBLISHED:
        return {**measured, **published_actions(options["dataset"], representation_of(options))}
    return measured


def layout_of(options: dict[str, Any]) -> RdtLayout:
    base = options.get("robot_base") or (0.0, 0.0, 0.0)
    x, y, z = (float(value) for value in base)
    return RdtLayout(representation_of(options), bool(options.get("joints")), (x, y, z))


def representation_of(options: dict[str, Any]) -> str:
    return str(options.get("representation", REPRESENTATIONS[0]))


def robot_base(files: Sequence[Path]) -> list[float]:
    return list(rdt_statistics.robot_base(files))


def from_file(path: Path, name: str) -> dict[str, Any]:
    try:
        content = read_json(path)
    except OSError as error:
        raise ForkctlError(
            f"no statistics here: {error.strerror}",
            where=str(path),
            hint="statistics: measured, published, or the path of a dataset_stat.json",
        ) from None
    except ValueError as error:
        raise ForkctlError(f"is not JSON: {error}", where=str(path)) from None
    found = content.get(name) if isinstance(content, dict) else None
    if not isinstance(found, dict) or "state_mean" not in found:
        names = ", ".join(list(content)[:8]) if isinstance(content, dict) else "no entries"
        raise ForkctlError(
            f"no statistics of {name} with a state_mean", where=str(path), hint=f"it has {names}"
        )
    return found
