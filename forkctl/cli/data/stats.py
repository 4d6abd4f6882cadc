"""`forkctl data stats`: measure actions and states."""

from __future__ import annotations

import json
from pathlib import Path

import click

CONVENTIONS = ("libero", "openvla", "robomimic", "rdt-delta", "rdt-velocity", "rdt-absolute")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--convention",
    "conventions",
    multiple=True,
    type=click.Choice(CONVENTIONS),
    help="How to read the actions; may be given again. Default: openvla.",
)
@click.option("--suite", help="Published numbers to compare with. Default: by the file names.")
@click.option("--no-noops", is_flag=True, help="Leave out steps that move nothing.")
@click.option("--hz", type=float, default=20, show_default=True, help="Hold actions at this rate.")
@click.option(
    "--alignment",
    type=click.Choice(["auto", "raw", "aligned"]),
    default="auto",
    show_default=True,
    help="raw: obs[t] goes with actions[t+1].",
)
@click.option("--no-states", is_flag=True, help="Measure the actions alone.")
@click.option(
    "--write",
    "writes",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="dataset_statistics.json (OpenVLA), dataset_stat.json (RDT), or any name for all of it.",
)
@click.option("--name", help="Key in the written file. Default: the suite, or the folder's name.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes. Default: the CPUs here.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def stats(
    paths: tuple[Path, ...],
    conventions: tuple[str, ...],
    suite: str | None,
    no_noops: bool,
    hz: float,
    alignment: str,
    no_states: bool,
    writes: tuple[Path, ...],
    name: str | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Measure the HDF5 files among and below PATHS, next to the published numbers.

    One pass, float64; the result does not depend on the number of processes.
    """
    from forkctl.cli.data.progress import advance_over
    from forkctl.cli.data.stats_table import print_statistics
    from forkctl.libero.files.paths import find_files, suite_of_files
    from forkctl.libero.processes import cpu_count
    from forkctl.libero.suites import get_suite
    from forkctl.libero.units.measure import Wanted, measure
    from forkctl.libero.units.published import published
    from forkctl.libero.units.resampling import factor_for
    from forkctl.libero.units.statistics_files import (
        conventions_needed,
        default_name,
        to_json,
        write_statistics,
    )

    chosen = get_suite(suite) if suite else None
    hold = factor_for(hz)
    files = find_files(paths)
    chosen = chosen or suite_of_files(files)
    wanted = Wanted(
        conventions=conventions_needed(conventions or ("openvla",), writes),
        states=not no_states,
        alignment=alignment,
        drop_noops=no_noops,
        hold=hold,
    )
    measured = measure(
        files,
        wanted,
        workers=jobs or cpu_count(),
        watch=lambda parts, total: advance_over(parts, total, "Measuring"),
    )
    key = name or default_name(files, chosen, no_noops=no_noops)
    for path in writes:
        write_statistics(path, key, measured)
    if as_json:
        click.echo(json.dumps({"name": key, **to_json(measured)}, indent=2))
        return
    print_statistics(measured, published().get(chosen.name) if chosen else None, hold)
    for path in writes:
        click.echo(f"Wrote {key} to {path}")
