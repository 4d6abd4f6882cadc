"""`forkctl ckpt`: inspect a checkpoint, and plan what a model takes over from it."""

from __future__ import annotations

import click

from forkctl.cli import Commands, LazyGroup

COMMANDS: Commands = {
    "inspect": ("forkctl.cli.ckpt.inspect", "inspect", "Show what a checkpoint contains."),
    "plan": ("forkctl.cli.ckpt.plan", "plan", "Show what a model would take over from it."),
}


def family_commands() -> Commands:
    from forkctl.families.registry import commands

    return commands("ckpt")


@click.group(cls=LazyGroup, table=COMMANDS, more=family_commands)
def ckpt() -> None:
    """Inspect a checkpoint, plan a transfer. No code in a file is ever run."""
