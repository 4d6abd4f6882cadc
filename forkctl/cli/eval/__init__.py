"""`forkctl eval`: what a policy has learned."""

from __future__ import annotations

import click

from forkctl.cli.data import DataGroup

COMMANDS: dict[str, tuple[str, str, str]] = {
    "openloop": (
        "forkctl.cli.eval.openloop",
        "openloop",
        "Compare predictions with held-out demos, and name faults.",
    ),
    "report": (
        "forkctl.cli.eval.report",
        "report",
        "Write the report of an evaluation again.",
    ),
}


@click.group(cls=DataGroup, table=COMMANDS)
def evaluation() -> None:
    """Evaluate a policy on held-out demos."""
