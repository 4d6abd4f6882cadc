"""`forkctl config`: generate an upstream's native config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from forkctl.cli.completing import fork_names, suite_names
from forkctl.cli.options import own_option, profile_option


def family_choices(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option per choice that a family of forks offers."""
    from forkctl.families.registry import choices

    for name, values in choices().items():
        said = "; ".join(f"{family}: {', '.join(each)}" for family, each in values.items())
        command = click.option(f"--{name}", metavar="NAME", help=f"{said}.")(command)
    return command


@click.command()
@click.argument("fork", shell_complete=fork_names)
@click.argument("suite", shell_complete=suite_names)
@click.option("--data", metavar="PATH", help="The suite's files. Default: ${LIBERO_DATA}/SUITE.")
@click.option(
    "--ckpt",
    metavar="FILE",
    help="Fine-tune from this checkpoint, whose own config decides the form. "
    "'${MY_CKPT}' is filled in when the config runs.",
)
@family_choices
@click.option("--set", "settings", multiple=True, metavar="A.B=C", help="Change a value.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Write to this file, not to stdout."
)
@click.option("--validate", is_flag=True, help="Have upstream's own code check the result.")
@profile_option
@own_option
def config(
    fork: str,
    suite: str,
    data: str | None,
    ckpt: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    validate: bool,
    profile: str | None,
    own: str | None,
    **asked: str | None,
) -> int:
    """Generate FORK's native config for SUITE (libero_spatial, libero_object, …)."""
    from forkctl.atomic import write_atomically
    from forkctl.checks import any_failed
    from forkctl.families.registry import family_of
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import print_checks, say
    from forkctl.training.generating import (
        GenerateRequest,
        as_written,
        generate,
        validate_generated,
    )

    workspace = find_workspace()
    chosen = manifest.load(workspace.manifest).fork(fork)
    family = family_of(workspace, chosen)
    choices = {name: value for name, value in asked.items() if value}
    made = generate(chosen, family, GenerateRequest(suite, data, ckpt, settings, choices), say)
    text = as_written(family, made)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomically(out, text)
        say(f"wrote {out}")
    if not validate:
        return 0
    launcher = family.launcher(chosen.require_entrypoint())
    found = validate_generated(workspace, chosen, launcher, made, profile, own, say)
    if out is not None:
        print_checks(found)
    elif any_failed(found):
        say("\n".join(check.text for check in found))
    return 1 if any_failed(found) else 0
