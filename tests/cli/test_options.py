"""One thing has one name on the command line; names that docs once promised are still taken."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from forkctl.cli.demos import demos
from forkctl.cli.eval.rollout import rollout


def values(command: click.Command, *words: str) -> dict[str, object]:
    """What the command would be called with."""
    return command.make_context(str(command.name), list(words)).params


@pytest.mark.parametrize(
    ("command", "former", "name"),
    [
        (demos, ["--workers", "3"], ["--jobs", "3"]),
        (demos, ["--env", "/sim"], ["--sim-env", "/sim"]),
        (demos, ["--layout", "no_noops"], ["--layout", "regenerated"]),
        (rollout, ["--workers", "3"], ["--jobs", "3"]),
        (rollout, ["--no-reflection"], ["--no-reflections"]),
    ],
)
def test_former_names_are_taken_and_not_shown(
    command: click.Command, former: list[str], name: list[str]
) -> None:
    subject = ["libero_spatial"]
    expected = values(command, *subject, *name)
    assert values(command, *subject, *former) == expected
    assert expected != values(command, *subject)
    shown = CliRunner().invoke(command, ["--help"]).output.split()
    assert name[0] in shown and former[0 if former[0] != name[0] else 1] not in shown


@pytest.mark.parametrize("command", [demos, rollout])
def test_tasks_may_be_repeated_or_listed(command: click.Command) -> None:
    words = ["libero_spatial", "--tasks", "0,3", "--tasks", "on the stove"]
    assert values(command, *words)["tasks"] == "0,3,on the stove"
    assert values(command, "libero_spatial")["tasks"] is None
