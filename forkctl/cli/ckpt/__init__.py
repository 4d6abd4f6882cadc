"""`forkctl ckpt`: look into a checkpoint, and say what a model would take over from it."""

from __future__ import annotations

import click

from forkctl.cli import Commands, LazyGroup

COMMANDS: Commands = {
    "inspect": ("forkctl.cli.ckpt.inspect", "inspect", "Say what a checkpoint holds."),
    "plan": ("forkctl.cli.ckpt.plan", "plan", "Say what a model would take over from it."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def ckpt() -> None:
    """Look into a checkpoint, plan a transfer. Nothing in a file is ever run."""
