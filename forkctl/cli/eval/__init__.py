"""`forkctl eval`: what a policy has learned."""

from __future__ import annotations

import click

from forkctl.cli import Commands, LazyGroup

COMMANDS: Commands = {
    "openloop": (
        "forkctl.cli.eval.openloop",
        "openloop",
        "Compare predictions with held-out demos, and name what is wrong.",
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
        "Write an evaluation's report again.",
    ),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def evaluation() -> None:
    """Evaluate a policy on held-out demos, or in the simulator."""
