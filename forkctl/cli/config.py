"""`forkctl config`: generate an upstream's native config."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.completing import fork_names, suite_names
from forkctl.cli.env import own_option, profile_option


@click.command()
@click.argument("fork", shell_complete=fork_names)
@click.argument("suite", shell_complete=suite_names)
@click.option("--data", metavar="PATH", help="The suite's files. Default: ${LIBERO_DATA}/SUITE.")
@click.option(
    "--ckpt",
    metavar="FILE",
    help="Fine-tune from this checkpoint, in the form that its own config says. "
    "'${DROID_CKPT}' stands for one to be named at run time.",
)
@click.option("--representation", metavar="NAME", help="rdt: delta, velocity or absolute.")
@click.option("--preset", metavar="NAME", help="openvla: guide or paper.")
@click.option("--set", "settings", multiple=True, metavar="A.B=C", help="Change a value.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write here, not to stdout.")
@click.option("--validate", is_flag=True, help="Let upstream's own Config judge the result.")
@profile_option
@own_option
def config(
    fork: str,
    suite: str,
    data: str | None,
    ckpt: str | None,
    representation: str | None,
    preset: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    validate: bool,
    profile: str | None,
    own: str | None,
) -> int:
    """Generate FORK's native config for SUITE (libero_spatial, libero_object, …)."""
    from forkctl.checks import any_failed
    from forkctl.cli.output import print_findings, say
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace
    from forkctl.training.generating import (
        GenerateRequest,
        as_written,
        generate,
        validate_generated,
    )

    workspace = find_workspace()
    chosen = manifest.load(workspace.manifest).fork(fork)
    named = {"representation": representation, "preset": preset}
    choices = {name: value for name, value in named.items() if value}
    made = generate(chosen, GenerateRequest(suite, data, ckpt, settings, choices), say)
    text = as_written(chosen, made)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        say(f"wrote {out}")
    if not validate:
        return 0
    found = validate_generated(workspace, chosen, made, profile, own, say)
    if out is not None:
        print_findings(found)
    elif any_failed(found):
        say("\n".join(finding.text for finding in found))
    return 1 if any_failed(found) else 0
