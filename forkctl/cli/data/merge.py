"""`forkctl data merge`: many files as one that links to them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from forkctl.cli.options import alignment_option, json_option, paths_argument


@click.command()
@paths_argument
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="The file to write."
)
@click.option(
    "--valid", default=0.1, show_default=True, help="Share of each task to hold out for validation."
)
@click.option("--seed", default=0, show_default=True, help="Chooses the demos for validation.")
@alignment_option
@click.option("--keep-timing", is_flag=True, help="Keep raw demos as they are, a step late.")
@click.option(
    "--absolute", is_flag=True, help="Absolute links: this file may be moved, the others not."
)
@json_option
def merge(
    paths: tuple[Path, ...],
    out: Path,
    valid: float,
    seed: int,
    alignment: str,
    keep_timing: bool,
    absolute: bool,
    as_json: bool,
) -> None:
    """Join the files in PATHS into one HDF5 that points into them.

    Nothing is copied: the new file is a few kilobytes and needs the others where they are. It has
    what loaders ask for (env_args, num_samples, masks train and valid) and each demo's language,
    and pairs observation t with action t.
    """
    from dataclasses import asdict

    from forkctl.libero.files.paths import find_files
    from forkctl.libero.tools.merge import MergeOptions
    from forkctl.libero.tools.merge import merge as merge_files

    options = MergeOptions(
        alignment=alignment,
        keep_timing=keep_timing,
        valid_share=valid,
        seed=seed,
        absolute=absolute,
    )
    # A merged file from before, in the same folder, is not one of the sources.
    sources = [path for path in find_files(paths) if path.absolute() != out.absolute()]
    report = merge_files(sources, out, options)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
        return
    click.echo(f"{out}: {report.demos} demos, {report.steps:,} steps, {out.stat().st_size:,} bytes")
    click.echo(f"  train {report.train}, valid {report.valid}, {len(report.languages)} tasks")
    if report.realigned:
        click.echo(f"  {report.realigned} raw demos: observation t now goes with action t")
