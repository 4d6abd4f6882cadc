"""`forkctl demos`: LIBERO demonstrations by a scripted expert, in the real simulator."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.completing import suite_names
from forkctl.cli.options import Renamed, reflections_option, simulators_option, tasks_option


class _Layouts(click.Choice[str]):
    """`regenerated` was called no_noops, and that name is still taken."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert("regenerated" if value == "no_noops" else value, param, ctx)


@click.command()
@click.argument("suite", shell_complete=suite_names)
@tasks_option
@click.option(
    "--demos",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Demos per task.",
)
@click.option(
    "--layout",
    type=_Layouts(["raw", "regenerated", "low_dim"]),
    default="raw",
    show_default=True,
    help="LIBERO's own; aligned without no-ops, 256 px; or aligned states without frames.",
)
@click.option("--image-size", type=click.Choice(["128", "256"]), help="Default: the layout's own.")
@click.option(
    "--noise",
    type=click.FloatRange(0, 0.5),
    default=0.0,
    show_default=True,
    help="Standard deviation of noise added to the motion.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Another seed places the objects elsewhere.",
)
@simulators_option
@reflections_option
@click.option("--compress", is_flag=True, help="Compress the frames with gzip: 2.5 times smaller.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder. Default: data/SUITE.")
@click.option(
    "--sim-env",
    "--env",
    "sim_env",
    cls=Renamed,
    metavar="PATH|current",
    help="A simulator's environment of your own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each demo and file as a line of JSON.")
def demos(
    suite: str,
    tasks: str | None,
    demos: int,
    layout: str,
    image_size: str | None,
    noise: float,
    seed: int,
    jobs: int,
    no_reflections: bool,
    compress: bool,
    out: Path | None,
    sim_env: str | None,
    as_json: bool,
) -> None:
    """Make demonstrations of SUITE in LIBERO's simulator, by a scripted expert.

    One file per task, in LIBERO's own schema. Every demo places the objects anew, never as in the
    initial states that LIBERO evaluates from. Run the same command again to resume.
    """
    import json

    from forkctl.environments.demonstrations import make_demos, tasks_to_do
    from forkctl.environments.simulator import find_simulator
    from forkctl.forks.workspace import find_workspace
    from forkctl.libero.schema import FileLayout
    from forkctl.simulation.request import DemoRequest, RecordingOptions

    form = FileLayout(layout)
    size = int(image_size) if image_size else form.image_size
    request = DemoRequest(
        folder=(out or Path("data") / form.folder_name(suite)).absolute(),
        tasks=tasks_to_do(suite, tasks),
        demos=demos,
        seed=seed,
        recording=RecordingOptions(form, size, noise, reflection=not no_reflections),
        compress=compress,
        jobs=jobs,
    )
    for said in make_demos(find_simulator(find_workspace(), sim_env), request):
        if as_json:
            click.echo(json.dumps(said))
        elif said["kind"] == "MadeFile":
            click.echo(f"{said['path']}: {said['demos']} demos, {said['steps']} steps")
        elif said["attempts"]:
            tries = f" at attempt {said['attempts']}" if said["attempts"] > 1 else ""
            click.echo(
                f"{said['task']} demo {said['demo']}: {said['steps']} steps{tries}", err=True
            )
