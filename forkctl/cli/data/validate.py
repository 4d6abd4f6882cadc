"""`forkctl data validate`: what is wrong with LIBERO files, what it breaks, how to fix it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.options import jobs_option, json_option, paths_argument
from forkctl.errors import ExitCode

if TYPE_CHECKING:
    from forkctl.libero.validation import FileReport, Finding, ValidationReport


@click.command()
@paths_argument
@click.option("--suite", help="Also check that the files are this suite, and complete.")
@click.option("--no-images", is_flag=True, help="Do not expect frames, and do not read them.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--notes", is_flag=True, help="Also print what is normal for the layout.")
@jobs_option
@click.option(
    "--timeout", type=click.FloatRange(min=1), help="Seconds per file. Default: by its size."
)
@json_option
def validate(
    paths: tuple[Path, ...],
    suite: str | None,
    no_images: bool,
    strict: bool,
    notes: bool,
    jobs: int | None,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Check the files in PATHS. Exits with 1 if there are errors.

    Each file is read in a process of its own: a damaged one does not stop the others.
    """
    from forkctl.cli.progress_bar import progress_bar
    from forkctl.libero import validation
    from forkctl.libero.files.paths import find_files
    from forkctl.libero.parallel import cpu_count
    from forkctl.libero.validation import Severity

    files = find_files(paths)
    with progress_bar("Validating", len(files)) as update:
        report = validation.validate(
            files,
            suite=suite,
            images=not no_images,
            jobs=jobs or cpu_count(),
            seconds=timeout,
            on_file=lambda _: update(advance=1),
        )
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        _print(report, notes)
    bad = report.count(Severity.ERROR) + (report.count(Severity.WARNING) if strict else 0)
    return int(ExitCode.USER_MUST_ACT if bad else ExitCode.DONE)


def _print(report: ValidationReport, notes: bool) -> None:
    from forkctl.libero.validation import Severity

    for file in report.files:
        _print_file(file, notes)
    if report.together:
        click.secho("all files together", bold=True)
        _print_findings(report.together, notes)
    demos = sum(file.facts.demos for file in report.files)
    steps = sum(file.facts.steps for file in report.files)
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    click.echo(f"{len(report.files)} files, {demos} demos, {steps:,} steps: ", nl=False)
    colour = "red" if errors else "yellow" if warnings else "green"
    counts = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    click.secho(counts, fg=colour, bold=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _print_file(file: FileReport, notes: bool) -> None:
    facts = file.facts
    size = f", {facts.image_size} px" if facts.image_size else ""
    click.secho(Path(file.path).name, bold=True, nl=False)
    click.echo(
        f"  {facts.demos} demos, {facts.steps} steps{size}, {facts.alignment or 'unreadable'}"
    )
    _print_findings(file.findings, notes)


def _print_findings(findings: tuple[Finding, ...], notes: bool) -> None:
    """One block per kind, with the first places where it was found."""
    from forkctl.libero.validation import Severity

    colours = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
    shown = [f for f in findings if notes or f.severity is not Severity.NOTE]
    for code in dict.fromkeys(finding.code for finding in shown):
        same = [finding for finding in shown if finding.code == code]
        kind = same[0].kind
        severity = click.style(f"{kind.severity.value:7}", fg=colours[kind.severity], bold=True)
        click.echo(f"  {severity} {click.style(code, bold=True)}")
        for finding in same[:_PLACES]:
            click.echo(f"          {finding.where + ': ' if finding.where else ''}{finding.detail}")
        if len(same) > _PLACES:
            click.echo(f"          and {len(same) - _PLACES} more")
        click.echo(f"          breaks: {kind.breaks}")
        click.echo(f"          fix:    {kind.mend}")


_PLACES = 3
