"""`forkctl data fix`: repair what validate finds, in new files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.options import jobs_option, paths_argument
from forkctl.errors import UsageError

if TYPE_CHECKING:
    from forkctl.libero.tools.fix import Fixes


@click.command()
@paths_argument
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder to write to.")
@click.option("--dry-run", is_flag=True, help="Only say what would be repaired.")
@click.option("--attrs", is_flag=True, help="Fill in attributes that are missing or do not parse.")
@click.option("--language", is_flag=True, help="Write the file name's language into the file.")
@click.option("--renumber", is_flag=True, help="Number the demos demo_0 .. demo_n-1, without gaps.")
@click.option("--dones", is_flag=True, help="Set dones at the last step, and only there.")
@click.option("--ee-states", is_flag=True, help="Make ee_states from ee_pos and ee_ori.")
@click.option("--align", is_flag=True, help="Pair observation t with action t.")
@click.option(
    "--alignment",
    type=click.Choice(["auto", "raw", "aligned"]),
    default="auto",
    help="What the files are now, if they do not show it.",
)
@click.option("--actions-from", type=click.Choice(["metric"]), help="What the actions are now.")
@click.option(
    "--gripper-from",
    type=click.Choice(["inverted", "01", "open"]),
    help="What the gripper is now: +1 = open; 1 = close; 1 = open and 0 = closed.",
)
@click.option(
    "--images",
    multiple=True,
    type=click.Choice(["upright", "rot180", "mirrored", "bgr", "swap"]),
    help="What the images are now.",
)
@click.option("--drop-demos", multiple=True, metavar="NAME", help="Leave this demo out.")
@jobs_option
def fix(
    paths: tuple[Path, ...],
    out: Path | None,
    dry_run: bool,
    attrs: bool,
    language: bool,
    renumber: bool,
    dones: bool,
    ee_states: bool,
    align: bool,
    alignment: str,
    actions_from: str | None,
    gripper_from: str | None,
    images: tuple[str, ...],
    drop_demos: tuple[str, ...],
    jobs: int | None,
) -> None:
    """Write repaired copies of the files in PATHS; the originals are only read.

    Without options, repairs what validation is certain about. What is only likely, such as which
    way up the images are, you have to say.
    """
    from forkctl.cli.data.targets import pending_targets
    from forkctl.cli.progress_bar import advance_over
    from forkctl.libero.files.paths import find_files
    from forkctl.libero.parallel import cpu_count, map_in_order
    from forkctl.libero.tools.fix import Fixes, fix_file, recipe_for

    said = Fixes(
        attrs=attrs,
        language=language,
        renumber=renumber,
        dones=dones,
        ee_states=ee_states,
        align=align,
        alignment=alignment,
        actions_from=actions_from,
        gripper_from=gripper_from,
        images=images,
        drop_demos=drop_demos,
    )
    sources = find_files(paths)
    jobs = jobs or cpu_count()
    plans = dict.fromkeys(sources, said) if said else _planned(sources, jobs)
    for source, fixes in plans.items():
        click.echo(f"{source.name}: {fixes.describe() or 'nothing that is certain'}")
    to_do = {source: fixes for source, fixes in plans.items() if fixes}
    if dry_run or not to_do:
        return
    if out is None:
        raise UsageError("--out is missing", hint="name a new folder: --out DIR")
    recipes = {source: recipe_for(source, fixes) for source, fixes in to_do.items()}
    targets = pending_targets(recipes, out)
    if len(targets) < len(to_do):
        click.echo(f"{len(to_do) - len(targets)} files were there already")
    work = [(source, target, to_do[source]) for source, target in targets.items()]
    demos = list(advance_over(map_in_order(fix_file, work, jobs), len(work), "Repairing"))
    click.echo(f"{len(demos)} files, {sum(demos)} demos: {out}")


def _planned(sources: list[Path], jobs: int) -> dict[Path, Fixes]:
    from forkctl.cli.progress_bar import progress_bar
    from forkctl.libero.tools.fix import certain_fixes
    from forkctl.libero.validation import validate

    with progress_bar("Validating", len(sources)) as update:
        report = validate(sources, jobs=jobs, on_file=lambda _: update(advance=1))
    return {Path(file.path): certain_fixes(file) for file in report.files}
