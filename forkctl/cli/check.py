"""`forkctl check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import click

from forkctl.cli.completing import fork_names
from forkctl.errors import ExitCode, ForkctlError, UsageError
from forkctl.forks.manifest import Manifest, load
from forkctl.forks.workspace import Workspace, find_workspace, locked
from forkctl.output import error_json, print_failures, print_json, print_table
from forkctl.patching.reading.lint import names_no_fork
from forkctl.patching.series import check as patching_check
from forkctl.patching.series.check import CheckOutcome, CheckResult


@click.command()
@click.argument("forks", nargs=-1, shell_complete=fork_names)
@click.option(
    "--at", metavar="REV", help="Check another revision of upstream: an id, branch or tag."
)
@click.option("--head", is_flag=True, help="Check the newest revision of upstream.")
@click.option("--strict", is_flag=True, help="Fail if a fork cannot be reached.")
@click.option("--offline", is_flag=True, help="Use the cache only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(
    forks: Sequence[str], at: str | None, head: bool, strict: bool, offline: bool, as_json: bool
) -> int:
    """Prove that patches, lock and entrypoints hold. Without names: all forks.

    Patches must apply to the pin, the result must be what forks.lock records, overlays must not
    collide with upstream's files, and the entrypoint must know its flags and keys. No tree is
    touched.
    """
    if at and head:
        raise UsageError("--at and --head name two revisions", hint="give only one of them")
    workspace = find_workspace()
    manifest = load(workspace.manifest)
    chosen = manifest.choose(forks, every=True)
    with locked(workspace, "forkctl check") as children:
        results = patching_check.check(
            workspace,
            manifest,
            chosen,
            children,
            at="HEAD" if head else at,
            offline=offline,
        )
    results = [_with_kind(workspace, result) for result in results]
    _warn_of_unknown_forks(manifest, results)
    if as_json:
        print_json([_as_json(result) for result in results])
    else:
        _print(results)
    outcomes = {result.outcome for result in results}
    bad = CheckOutcome.FAILED in outcomes or (strict and CheckOutcome.NOT_CHECKED in outcomes)
    return ExitCode.USER_MUST_ACT if bad else ExitCode.DONE


def _warn_of_unknown_forks(manifest: Manifest, results: Sequence[CheckResult]) -> None:
    names = [fork.name for fork in manifest.forks]
    patches = {outcome.patch.title: outcome.patch for r in results for outcome in r.patches}
    for title, patch in patches.items():
        if note := names_no_fork(patch, names):
            click.echo(f"warning: {title} {note}", err=True)


def _with_kind(workspace: Workspace, result: CheckResult) -> CheckResult:
    """The result, failed where forks.toml says of the entrypoint what its kind does not take."""
    from forkctl.families.registry import launcher_of

    if result.fork.entrypoint is None:
        return result
    try:
        launcher_of(workspace, result.fork)
    except ForkctlError as error:
        problems = (*result.problems, error)
        return replace(result, outcome=CheckOutcome.FAILED, problems=problems)
    return result


def _print(results: Sequence[CheckResult]) -> None:
    print_table(
        ("fork", "check", "revision", "commit", "patches"),
        [
            (
                r.fork.name,
                r.outcome.value,
                (r.revision or "-")[:12],
                (r.commit or "-")[:12],
                _verdicts(r),
            )
            for r in results
        ],
    )
    print_failures((r.fork.name, problem) for r in results for problem in r.problems)
    skipped = [r.fork.name for r in results if r.outcome is CheckOutcome.NOT_CHECKED]
    if skipped:
        click.echo(f"not checked: {', '.join(skipped)}")


def _verdicts(result: CheckResult) -> str:
    counts = Counter(outcome.verdict.value for outcome in result.patches)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items()).replace("_", " ")


def _as_json(result: CheckResult) -> dict[str, object]:
    return {
        "fork": result.fork.name,
        "outcome": result.outcome.value,
        "revision": result.revision,
        "commit": result.commit,
        "patches": {f"{o.patch.series}/{o.patch.name}": o.verdict.value for o in result.patches},
        "problems": [error_json(problem) for problem in result.problems],
    }
