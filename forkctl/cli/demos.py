"""`forkctl demos`: LIBERO demonstrations by a scripted expert, in the real simulator."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("suite")
@click.option("--tasks", multiple=True, metavar="TASK", help="Name or number from 0; repeatable.")
@click.option(
    "--demos",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Of each task.",
)
@click.option(
    "--layout",
    type=click.Choice(["raw", "no_noops", "low_dim"]),
    default="raw",
    show_default=True,
    help="LIBERO's own; aligned, 256 px; or aligned states without frames.",
)
@click.option("--image-size", type=click.Choice(["128", "256"]), help="Default: the layout's own.")
@click.option(
    "--noise",
    type=click.FloatRange(0, 0.5),
    default=0.0,
    show_default=True,
    help="Standard deviation added to the motion.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Other ways of the expert.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes; each keeps a core busy.",
)
@click.option("--no-reflections", is_flag=True, help="Render twice as fast, 1.4 % of pixels off.")
@click.option("--compress", is_flag=True, help="gzip the frames: 2.5 times smaller.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder. Default: data/SUITE.")
@click.option("--env", "own", metavar="PATH", help="A simulator environment of your own.")
@click.option("--json", "as_json", is_flag=True, help="Print each demo and file as a JSON line.")
def demos(
    suite: str,
    tasks: tuple[str, ...],
    demos: int,
    layout: str,
    image_size: str | None,
    noise: float,
    seed: int,
    workers: int,
    no_reflections: bool,
    compress: bool,
    out: Path | None,
    own: str | None,
    as_json: bool,
) -> None:
    """Make demonstrations of SUITE in LIBERO's simulator, by a scripted expert.

    One file a task, in LIBERO's own schema. Objects are placed anew for every demo, never as in the
    initial states that LIBERO evaluates from. Run the same command again to go on where it stopped.
    """
    import json

    from forkctl.environments.demonstrations import choose_tasks, make_demos, question_for
    from forkctl.environments.simulator import find_simulator
    from forkctl.forks.workspace import find_workspace
    from forkctl.libero.schema import FileLayout

    chosen = choose_tasks(suite, tasks)
    kind = FileLayout(layout)
    folder = out or Path("data") / kind.folder_name(suite)
    question = question_for(
        folder,
        chosen,
        demos,
        seed,
        workers,
        compress=compress,
        layout=layout,
        image_size=int(image_size) if image_size else kind.image_size,
        noise=noise,
        reflection=not no_reflections,
    )
    for said in make_demos(find_simulator(find_workspace(), own), question):
        if as_json:
            click.echo(json.dumps(said))
        elif said["kind"] == "MadeFile":
            click.echo(f"{said['path']}: {said['demos']} demos, {said['steps']} steps")
        elif said["attempts"]:
            tries = f" at attempt {said['attempts']}" if said["attempts"] > 1 else ""
            click.echo(
                f"{said['task']} demo {said['demo']}: {said['steps']} steps{tries}", err=True
            )
