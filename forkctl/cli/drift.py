"""`forkctl drift`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import ExitCode, UsageError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from forkctl.forks.workspace import ended_with_the_command, find_workspace
from forkctl.output import error_json, print_failures, print_json


@click.command()
@click.argument("forks", nargs=-1, shell_complete=fork_names)
@click.option("--all", "every", is_flag=True, help="Also those that are not taken by default.")
@click.option("--since", metavar="REV", help="Leave out what this upstream revision contains.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a heat map: one file that needs nothing else.",
)
@click.option("--fetch", is_flag=True, help="Ask upstream again, even if it was asked today.")
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

    Over all branches, tags and pull requests, for the named forks (or all default ones) and for
    the forks that share a series with them. Exits with 1 where a patch does not apply at the tip of
    upstream's main branch.
    """
    if html is not None and not html.absolute().parent.is_dir():
        raise UsageError("there is no such folder", where=str(html.parent), hint="make it first")
    from forkctl.patching.drift.report import report_as_json
    from forkctl.patching.drift.survey import Scope, survey

    workspace = find_workspace()
    manifest = load(workspace.manifest)
    chosen = manifest.choose(forks, every=every)
    with ended_with_the_command(Children()) as children:
        surveyed = survey(
            workspace,
            manifest,
            chosen,
            Fetcher(children, manifest.mirrors, offline),
            Scope(since, fetch),
            lambda message: click.echo(f"{message} …", err=True),
        )
    drifts = [each.drift for each in surveyed if each.drift is not None]
    failures = [(each.fork, each.error) for each in surveyed if each.error is not None]
    report = report_as_json(drifts)
    report["not_checked"] = {name: error_json(error) for name, error in failures}
    if html is not None:
        from forkctl.patching.drift.heatmap import render_heatmap

        html.write_text(render_heatmap(report), encoding="utf-8")
    if as_json:
        print_json(report)
    else:
        from forkctl.cli.drift_table import print_drift

        if drifts:
            print_drift(drifts)
        print_failures(failures)
    wanting = failures or any(drift.failing_at_head for drift in drifts)
    return ExitCode.USER_MUST_ACT if wanting else ExitCode.DONE
