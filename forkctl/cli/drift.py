"""`forkctl drift`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from forkctl.atomic import write_atomically
from forkctl.cli.completing import fork_names
from forkctl.errors import ExitCode, UsageError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import ended_with_the_command, find_workspace
from forkctl.output import error_json, print_failures, print_json


@click.command()
@click.argument("forks", nargs=-1, shell_complete=fork_names)
@click.option("--all", "every", is_flag=True, help="All forks, not only the default ones.")
@click.option("--since", metavar="REV", help="Leave out what this upstream revision has.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a heat map, as one self-contained file.",
)
@click.option("--fetch", is_flag=True, help="Fetch upstream again, even if that was done today.")
@click.option("--offline", is_flag=True, help="Use the cache only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def drift(
    forks: Sequence[str],
    every: bool,
    since: str | None,
    html: Path | None,
    fetch: bool,
    offline: bool,
    as_json: bool,
) -> int:
    """Try every patch on every distinct upstream version of the files it touches.

    That is over all branches, tags and pull requests, for the named forks (or all default ones) and
    for the forks that share a series with them. Exits with 1 if a patch does not apply at the tip
    of upstream's main branch.
    """
    if html is not None and not html.absolute().parent.is_dir():
        raise UsageError("there is no such folder", where=str(html.parent), hint="create it first")
    from forkctl.patching.drift.fork_drift import drift_of_forks
    from forkctl.patching.drift.report import render_heatmap, report_as_json

    workspace = find_workspace()
    manifest = load(workspace.manifest)
    chosen = manifest.choose(forks, every=every)
    with ended_with_the_command(Children()) as children:
        results = drift_of_forks(
            workspace,
            manifest,
            chosen,
            Fetcher(children, manifest.mirrors, offline),
            since=since,
            refetch=fetch,
            say=lambda message: click.echo(f"{message} …", err=True),
        )
    drifts = [result.drift for result in results if result.drift is not None]
    failures = [(result.fork, result.error) for result in results if result.error is not None]
    report = report_as_json(drifts)
    report["not_checked"] = {name: error_json(error) for name, error in failures}
    if html is not None:
        write_atomically(html, render_heatmap(report))
    if as_json:
        print_json(report)
    else:
        from forkctl.cli.drift_table import print_drift

        if drifts:
            print_drift(drifts)
        print_failures(failures)
    bad = failures or any(drift.failing_at_head for drift in drifts)
    return ExitCode.USER_MUST_ACT if bad else ExitCode.DONE
