"""`forkctl run`: run a fork's own training entrypoint."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.completing import fork_names
from forkctl.cli.options import own_option, profile_option
from forkctl.errors import ExitCode

if TYPE_CHECKING:
    from forkctl.training.records import Run


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("fork", shell_complete=fork_names)
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="LIBERO file or folder to train on.")
@click.option("--ckpt", type=click.Path(path_type=Path), help="Checkpoint to fine-tune from.")
@click.option("--set", "settings", multiple=True, metavar="A.B=C", help="Change a config value.")
@click.option("--steps", type=click.IntRange(min=1), help="Train only this many steps.")
@click.option("--gpus", type=click.IntRange(min=1), help="Processes, one per GPU.")
@profile_option
@own_option
@click.option("--name", help="Name of the run. Default: the config's.")
@click.option(
    "--allow-dirty", is_flag=True, help="Run with uncommitted changes in the fork's tree."
)
@click.option(
    "--any-data", is_flag=True, help="Train on one HDF5 file that is not LIBERO's, unchecked."
)
@click.option("--dry-run", is_flag=True, help="Check everything, show the command, run nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print JSON.")
@click.argument("upstream", nargs=-1, type=click.UNPROCESSED)
def run(
    fork: str,
    config: Path,
    data: Path | None,
    ckpt: Path | None,
    settings: tuple[str, ...],
    steps: int | None,
    gpus: int | None,
    profile: str | None,
    own: str | None,
    name: str | None,
    allow_dirty: bool,
    any_data: bool,
    dry_run: bool,
    as_json: bool,
    upstream: tuple[str, ...],
) -> int:
    """Run FORK's own training entrypoint with CONFIG, recorded under runs/FORK/.

    Everything after -- goes to the entrypoint unchanged.
    """
    from forkctl.checks import any_failed
    from forkctl.families.registry import launcher_of
    from forkctl.forks.manifest import load
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import checks_as_json, print_checks, print_json, say
    from forkctl.training.planning import planned_run
    from forkctl.training.resolving import RunRequest, resolve
    from forkctl.training.running import carry_out, start_run
    from forkctl.training.view import view_for

    workspace = find_workspace()
    request = RunRequest(
        config=config,
        data=data,
        checkpoint=ckpt,
        settings=settings,
        steps=steps,
        processes=gpus,
        profile=profile,
        environment=own,
        name=name,
        allow_dirty=allow_dirty,
        any_data=any_data,
        upstream_arguments=upstream,
    )
    chosen = load(workspace.manifest).fork(fork)
    resolved = resolve(workspace, chosen, launcher_of(workspace, chosen), request)
    with planned_run(workspace, resolved, dry=dry_run, say=say) as plan:
        failed = any_failed(plan.checks)
        if dry_run and as_json:
            findings = checks_as_json(plan.checks)
            print_json({"findings": findings, "command": plan.shown_command})
            return 1 if failed else 0
        print_checks(plan.checks)
        if failed:
            return 1
        if dry_run:
            click.echo("would run: " + shlex.join(plan.shown_command))
            return 0
        started = start_run(plan)
        click.echo(f"run {started.id}")
        with saying_how_it_ends(started):
            done = carry_out(plan, started, view_for(started.record.steps))
    click.echo(f"finished in {done.record.seconds} s: {done.folder}")
    return 0


@contextlib.contextmanager
def saying_how_it_ends(run: Run) -> Iterator[None]:
    """Show the end of a failed run's log, and of an interrupted run how to resume it."""
    from forkctl.training.running import RunFailed

    try:
        yield
    except RunFailed as failure:
        click.echo("\n".join(failure.tail[-25:]), err=True)
        raise
    except KeyboardInterrupt:
        click.echo(f"interrupted: `forkctl runs resume {run.folder.name}` resumes it", err=True)
        raise click.exceptions.Exit(int(ExitCode.INTERRUPTED)) from None
