"""`forkctl patches`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from forkctl.cli.show import print_json, print_rows
from forkctl.errors import ExitCode
from forkctl.forks.workspace import find_workspace
from forkctl.patching.lint import Finding, lint
from forkctl.patching.loading import all_series, load_series
from forkctl.patching.model import Patch


@click.command()
@click.argument("series", nargs=-1)
@click.option("--why", is_flag=True, help="Show the reason of every patch.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def patches(series: Sequence[str], why: bool, as_json: bool) -> int:
    """List the patches of a series: subject, why, files, forks."""
    root = find_workspace().patches
    found = [p for name in series or all_series(root) for p in load_series(root, name)]
    if as_json:
        print_json([_as_json(patch, lint(patch)) for patch in found])
        return ExitCode.DONE
    print_rows(
        ("patch", "forks", "subject", "files"),
        [(p.title, ", ".join(p.forks) or "all", p.subject, " ".join(p.touched)) for p in found],
    )
    for patch in found if why else ():
        click.echo(f"\n{patch.title}: {patch.subject}\n{patch.why}")
    for patch in found:
        for finding in lint(patch):
            click.echo(f"{patch.path}:{finding.line}: {finding.message}", err=True)
    return ExitCode.DONE


def _as_json(patch: Patch, findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "series": patch.series,
        "name": patch.name,
        "subject": patch.subject,
        "why": patch.why,
        "forks": list(patch.forks),
        "files": list(patch.touched),
        "digest": patch.digest,
        "findings": [{"line": f.line, "message": f.message} for f in findings],
    }
