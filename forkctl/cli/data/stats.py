"""`forkctl data stats`: measure actions and states."""

from __future__ import annotations

import json
from pathlib import Path

import click

from forkctl.cli.options import alignment_option, jobs_option, json_option, paths_argument


def _known(ctx: click.Context, option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from forkctl.families.registry import conventions

    for name in names:
        if name not in conventions():
            raise click.BadParameter(f"{name!r} is not one of {', '.join(conventions())}")
    return names


@click.command()
@paths_argument
@click.option(
    "--convention",
    "conventions",
    multiple=True,
    callback=_known,
    metavar="NAME",
    help="How to read the actions; repeatable. Default: as the published numbers do.",
)
@click.option("--suite", help="Suite to compare with. Default: by the file names.")
@click.option("--no-noops", is_flag=True, help="Leave out steps that move nothing.")
@click.option(
    "--hz", type=float, default=20, show_default=True, help="Measure actions held at this rate."
)
@alignment_option
@click.option("--no-states", is_flag=True, help="Measure the actions only.")
@click.option(
    "--write",
    "writes",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a JSON file, in the form that an upstream reads if it has that file's name; "
    "repeatable.",
)
@click.option("--name", help="Key in the written file. Default: the suite's name, or the folder's.")
@jobs_option
@json_option
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
    """Measure the files in PATHS and show the published numbers beside them.

    One pass, in float64; the result does not depend on the number of processes.
    """
    from forkctl.cli.data.stats_table import print_statistics
    from forkctl.cli.progress_bar import advance_over
    from forkctl.families import registry
    from forkctl.libero.files.paths import find_files, suite_of_files
    from forkctl.libero.parallel import cpu_count
    from forkctl.libero.suites import get_suite
    from forkctl.libero.units.measure import Wanted, measure
    from forkctl.libero.units.published import published, published_convention
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
    known, forms = registry.conventions(), registry.statistics_files()
    asked = [known[each] for each in conventions or (published_convention(),)]
    wanted = Wanted(
        conventions=conventions_needed(asked, writes, forms),
        states=not no_states,
        alignment=alignment,
        drop_noops=no_noops,
        hold=hold,
    )
    measured = measure(
        files,
        wanted,
        jobs=jobs or cpu_count(),
        watch=lambda parts, total: advance_over(parts, total, "Measuring"),
    )
    key = name or default_name(files, chosen, no_noops=no_noops)
    for path in writes:
        write_statistics(path, key, measured, forms)
    if as_json:
        click.echo(json.dumps({"name": key, **to_json(measured)}, indent=2))
        return
    print_statistics(measured, published().get(chosen.name) if chosen else None, hold)
    for path in writes:
        click.echo(f"wrote {key} to {path}")
