"""`forkctl data convert`: new files without no-ops, at another rate or image size."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from forkctl.cli.options import alignment_option, jobs_option, json_option, paths_argument


@click.command()
@paths_argument
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder to write to."
)
@click.option(
    "--no-noops",
    is_flag=True,
    help="Leave out steps that move nothing, as the regenerated set does.",
)
@click.option(
    "--hz", type=float, help="Rate of the actions, each held for 20/HZ steps: 10, 5, 4, 2 or 1."
)
@click.option(
    "--mode",
    type=click.Choice(["mean", "subsample"]),
    default="mean",
    show_default=True,
    help="subsample drops motion; use it to compare.",
)
@click.option(
    "--gripper",
    type=click.Choice(["last", "split"]),
    default="last",
    show_default=True,
    help="split ends a window where the gripper toggles.",
)
@click.option(
    "--stride",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Start a window at every N-th step.",
    metavar="N",
)
@click.option("--image-size", type=click.IntRange(min=16), help="Pixels per side.")
@click.option("--compress", is_flag=True, help="Compress the frames with gzip.")
@alignment_option
@jobs_option
@json_option
def convert(
    paths: tuple[Path, ...],
    out: Path,
    no_noops: bool,
    hz: float | None,
    mode: str,
    gripper: str,
    stride: int,
    image_size: int | None,
    compress: bool,
    alignment: str,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Write new files from those in PATHS; the sources are only read.

    In the new files observation t goes with action t. Steps are left out, not replayed in a
    simulator: the arm may jump by the millimetre that it settled in a pause.
    """
    from forkctl.cli.data.targets import pending_targets
    from forkctl.cli.progress_bar import advance_over
    from forkctl.libero.files.paths import find_files
    from forkctl.libero.parallel import cpu_count, map_in_order
    from forkctl.libero.tools.convert import ConvertOptions, check_options, convert_file, recipe_for

    options = check_options(
        ConvertOptions(
            alignment=alignment,
            drop_noops=no_noops,
            hz=hz,
            mode=mode,
            gripper=gripper,
            stride=stride,
            image_size=image_size,
            compress=compress,
        )
    )
    sources = find_files(paths)
    targets = pending_targets({each: recipe_for(each, options) for each in sources}, out)
    work = partial(convert_file, options=options)
    results = map_in_order(work, list(targets.items()), jobs or cpu_count())
    reports = list(advance_over(results, len(targets), "Converting"))
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=2))
        return
    if len(targets) < len(sources):
        click.echo(f"{len(sources) - len(targets)} files were there already")
    for report in reports:
        click.echo(
            f"{Path(report.target).name}: {report.demos} demos, "
            f"{report.steps_before} -> {report.steps_after} steps, {report.noops} no-ops left out"
        )
        if report.replay_error_mm is not None:
            click.echo(
                f"  held for {20 / hz if hz else 1:g} steps each: at most "
                f"{report.replay_error_mm:.1f} mm off, "
                f"step size x{report.magnitude_ratio:.2f}"
            )
