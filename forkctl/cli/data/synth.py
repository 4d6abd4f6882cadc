"""`forkctl data synth`: LIBERO-shaped data to try things on."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.completing import suite_names
from forkctl.cli.options import jobs_option


@click.command()
@click.argument("suite", shell_complete=suite_names)
@click.option("--tasks", type=click.IntRange(min=1), help="Only the first N tasks of the suite.")
@click.option(
    "--demos",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="M",
    help="Demos per task.",
)
@click.option(
    "--layout",
    type=click.Choice(["raw", "regenerated"]),
    default="raw",
    show_default=True,
    help="As LIBERO publishes it, or as regenerated without no-ops.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder. Default: data/SUITE.")
@click.option(
    "--seed", default=0, show_default=True, help="Another seed gives other scenes and motions."
)
@click.option(
    "--image-size", type=click.IntRange(min=32), help="Pixels per side. Default: 128 or 256."
)
@click.option("--no-images", is_flag=True, help="Where things are, in place of frames.")
@click.option(
    "--compress", is_flag=True, help="Compress the frames with gzip, as some copies of LIBERO do."
)
@click.option(
    "--defect", "defects", multiple=True, metavar="NAME", help="Put a mistake into the first file."
)
@jobs_option
def synth(
    suite: str,
    tasks: int | None,
    demos: int,
    layout: str,
    out: Path | None,
    seed: int,
    image_size: int | None,
    no_images: bool,
    compress: bool,
    defects: tuple[str, ...],
    jobs: int | None,
) -> None:
    """Generate data in the form of SUITE, by a scripted expert on a drawn scene.

    The same options give the same bytes. Nothing of LIBERO's own data is in it: use it to try out a
    pipeline, not to report results. --defect puts a mistake into the first file, for
    `forkctl data validate` to find; --defect help lists them.
    """
    from forkctl.cli.progress_bar import advance_over
    from forkctl.libero.parallel import cpu_count
    from forkctl.libero.schema import FileLayout
    from forkctl.libero.suites import get_suite
    from forkctl.libero.synth import SynthOptions, write_suite
    from forkctl.libero.synth.defects import DEFECTS, defect_named, put_in

    if "help" in defects:
        for name, defect in sorted(DEFECTS.items()):
            click.echo(f"{name:28} found as {defect.finding}")
        return
    spoiling = {name: defect_named(name) for name in defects}
    form = FileLayout(layout)
    chosen = get_suite(suite)
    name = form.folder_name(chosen.name)
    folder = out or Path("data") / name
    options = SynthOptions(
        layout=form,
        demos=demos,
        seed=seed,
        images=not no_images,
        image_size=image_size,
        compress=compress,
    )
    total = len(chosen.tasks[:tasks])
    files = write_suite(folder, chosen.name, options, tasks, jobs or cpu_count())
    written = list(advance_over(files, total, f"Generating {name}"))
    for name, defect in spoiling.items():
        put_in(min(written), defect)
        click.echo(f"put {name} into {min(written).name}")
    size = sum(path.stat().st_size for path in written)
    click.echo(
        f"{len(written)} files, {len(written) * demos} demos, {size / 1e6:,.0f} MB: {folder}"
    )
