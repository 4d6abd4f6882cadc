"""`forkctl runs`: list, show, plot and compare runs."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.completing import fork_names, run_names
from forkctl.cli.options import json_option


@click.group()
def runs() -> None:
    """List, show, plot and compare runs.

    RUN is an id as `runs list` prints it, an unambiguous part of one, a folder, or `last`.
    """


@runs.command(name="list")
@click.option("--fork", help="Only this fork's runs.", shell_complete=fork_names)
@json_option
def list_command(fork: str | None, as_json: bool) -> None:
    """List all runs, newest last."""
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import print_json, print_table
    from forkctl.training.comparing import summary
    from forkctl.training.records import all_runs

    found = [(run, summary(run)) for run in all_runs(find_workspace().root, fork)]
    if as_json:
        print_json([{"id": run.id, "folder": run.folder, **facts} for run, facts in found])
        return
    rows = [
        (
            run.id,
            facts["status"],
            f"{facts['steps'] or 0}/{run.record.steps or '?'}",
            _number(facts["last_loss"]),
            f"{facts['seconds']:.0f} s" if facts["seconds"] else "",
            run.record.reason,
        )
        for run, facts in found
    ]
    print_table(("run", "status", "steps", "loss", "took", "reason"), rows)


@runs.command()
@click.argument("run", shell_complete=run_names)
@json_option
def show(run: str, as_json: bool) -> None:
    """Show what RUN was made from, and what came out."""
    from dataclasses import asdict

    from forkctl.forks.workspace import find_workspace
    from forkctl.output import print_json, print_table
    from forkctl.training.comparing import shown, summary
    from forkctl.training.records import find_run

    found = find_run(find_workspace().root, run)
    if as_json:
        print_json({"id": found.id, **asdict(found.record), "summary": summary(found)})
        return
    print_table(("", found.id), shown(found))


@runs.command()
@click.argument("run", shell_complete=run_names)
@click.option("-f", "--follow", "following", is_flag=True, help="Keep printing until the run ends.")
@click.option("-n", "--lines", type=click.IntRange(min=0), help="Only the last N lines.")
def logs(run: str, following: bool, lines: int | None) -> None:
    """Print the log of RUN."""
    from forkctl.forks.workspace import find_workspace
    from forkctl.training.logs import follow, tail
    from forkctl.training.records import find_run

    found = find_run(find_workspace().root, run)
    last, end = tail(found, lines)
    for line in last:
        click.echo(line)
    if following:
        for text in follow(found, end):
            click.echo(text, nl=False)


@runs.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=run_names)
@click.option(
    "--metric", default="loss", show_default=True, help="One of those that `runs show` lists."
)
@click.option(
    "--split",
    type=click.Choice(["train", "valid"]),
    default="train",
    show_default=True,
    help="Training or validation steps.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write a PNG here.")
@click.option(
    "--smooth",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Average over this many points.",
)
def plot(names: tuple[str, ...], metric: str, split: str, out: Path | None, smooth: int) -> None:
    """Plot a metric of one or more runs, in the terminal or as a PNG."""
    from forkctl.forks.workspace import find_workspace
    from forkctl.training import plots
    from forkctl.training.metrics import read_metrics, series
    from forkctl.training.records import find_run

    root = find_workspace().root
    found = [find_run(root, name) for name in names]
    curves = [
        plots.Curve(run.id, series(read_metrics(run.metrics), metric, split)) for run in found
    ]
    if out is None:
        click.echo(plots.as_text(curves, metric))
    else:
        plots.write_png(curves, metric, out, smooth)
        click.echo(out)


@runs.command()
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True, shell_complete=run_names)
@json_option
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Show where runs differ, and what came out of each."""
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import print_json, print_table
    from forkctl.training.comparing import compare as compared
    from forkctl.training.records import find_run

    root = find_workspace().root
    found = [find_run(root, name) for name in names]
    rows = compared(found)
    if as_json:
        ids = [run.id for run in found]
        print_json({name: dict(zip(ids, values, strict=True)) for name, values in rows})
        return
    print_table(("", *(run.id for run in found)), [(name, *values) for name, values in rows])


@runs.command()
@click.argument("run", shell_complete=run_names)
def resume(run: str) -> None:
    """Resume RUN from its last checkpoint, if its upstream can."""
    from forkctl.cli.run import saying_how_it_ends
    from forkctl.families.registry import launcher_of
    from forkctl.forks.manifest import load
    from forkctl.forks.workspace import find_workspace
    from forkctl.training.records import find_run
    from forkctl.training.resuming import resume_run
    from forkctl.training.view import view_for

    workspace = find_workspace()
    found = find_run(workspace.root, run)
    fork = load(workspace.manifest).fork(found.record.fork)
    launcher = launcher_of(workspace, fork)
    with saying_how_it_ends(found):
        done = resume_run(workspace, fork, launcher, found, view_for(found.record.steps))
    click.echo(f"finished after {done.record.seconds} s in total: {done.folder}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
