"""`forkctl patches`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from forkctl.errors import ExitCode
from forkctl.forks.manifest import load
from forkctl.forks.workspace import Workspace, find_workspace
from forkctl.output import print_json, print_table
from forkctl.patching.model import Patch
from forkctl.patching.reading.lint import LintWarning, lint
from forkctl.patching.reading.loading import all_series, load_series

if TYPE_CHECKING:
    from forkctl.patching.drift.report import Coverage


@click.command()
@click.argument("series", nargs=-1)
@click.option("--why", is_flag=True, help="Show the reason of every patch.")
@click.option("--drift", is_flag=True, help="Show on how many upstream versions each applies.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def patches(series: Sequence[str], why: bool, drift: bool, as_json: bool) -> int:
    """List the patches of a series, or of all: subject, why, files, forks, and drift.

    `--drift` needs no network: it reads the histories that `forkctl drift` has fetched.
    """
    workspace = find_workspace()
    root = workspace.patches
    forks = [fork.name for fork in load(workspace.manifest).forks]
    found = [p for name in series or all_series(root) for p in load_series(root, name)]
    covered = _coverage(workspace, {patch.series for patch in found}) if drift else {}
    if as_json:
        print_json([_as_json(p, lint(p, forks)) | _drift_json(p, drift, covered) for p in found])
        return ExitCode.DONE
    print_table(
        ("patch", "forks", *(("applies",) if drift else ()), "subject", "files"),
        [
            (
                patch.title,
                ", ".join(patch.forks) or "all",
                *((str(covered.get(patch.title, "not known")),) if drift else ()),
                patch.subject,
                " ".join(patch.touched),
            )
            for patch in found
        ],
    )
    for patch in found if why else ():
        click.echo(f"\n{patch.title}: {patch.subject}\n{patch.why}")
    for patch in found:
        for warning in lint(patch, forks):
            click.echo(f"{patch.path}:{warning.line}: {warning.message}", err=True)
    return ExitCode.DONE


def _coverage(workspace: Workspace, series: set[str]) -> Mapping[str, Coverage]:
    from forkctl.forks.cache import Fetcher
    from forkctl.forks.processes import Children
    from forkctl.forks.workspace import ended_with_the_command
    from forkctl.patching.drift.fork_drift import drift_of_forks
    from forkctl.patching.drift.report import coverage_of

    manifest = load(workspace.manifest)
    forks = [fork for fork in manifest.forks if series.intersection(fork.series)]
    with ended_with_the_command(Children()) as children:
        fetcher = Fetcher(children, manifest.mirrors, offline=True)
        results = drift_of_forks(workspace, manifest, forks, fetcher)
    return coverage_of([result.drift for result in results if result.drift is not None])


def _drift_json(
    patch: Patch, asked: bool, covered: Mapping[str, Coverage]
) -> dict[str, dict[str, int] | None]:
    if not asked:
        return {}
    known = covered.get(patch.title)
    return {"drift": asdict(known) if known else None}


def _as_json(patch: Patch, warnings: Sequence[LintWarning]) -> dict[str, object]:
    return {
        "series": patch.series,
        "name": patch.name,
        "subject": patch.subject,
        "why": patch.why,
        "forks": list(patch.forks),
        "files": list(patch.touched),
        "digest": patch.digest,
        "findings": [{"line": w.line, "message": w.message} for w in warnings],
    }
