"""`forkctl eval`: what a policy has learned."""

from __future__ import annotations

import click

from forkctl.cli import Commands, LazyGroup

COMMANDS: Commands = {
    "openloop": (
        "forkctl.cli.eval.openloop",
        "openloop",
        "Compare predictions with held-out demos, and name faults.",
    ),
    "rollout": (
        "forkctl.cli.eval.rollout",
        "rollout",
        "Let a policy act in the simulator, and count successes.",
    ),
    "merge": (
        "forkctl.cli.eval.merge",
        "merge",
        "Join the records of a rollout's shards.",
    ),
    "report": (
        "forkctl.cli.eval.report",
        "report",
        "Write the report of an evaluation again.",
    ),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def evaluation() -> None:
    """Evaluate a policy on held-out demos, or in the simulator."""
