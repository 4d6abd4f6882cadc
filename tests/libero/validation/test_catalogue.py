"""What a finding tells a person to type has to exist."""

from __future__ import annotations

import re

import click
import pytest

from forkctl.cli import root
from forkctl.libero.validation import KINDS

MENDS = sorted(
    {
        command
        for kind in KINDS.values()
        for command in re.findall(r"forkctl data [a-z]+(?: (?:--[a-z-]+|SUITE))*", kind.mend)
    }
)


def test_there_are_commands_to_check() -> None:
    assert len(MENDS) >= 10


@pytest.mark.parametrize("command", MENDS)
def test_the_command_and_its_options_exist(command: str) -> None:
    _, group, verb, *words = command.split()
    context = click.Context(root)
    data = root.get_command(context, group)
    assert isinstance(data, click.Group)
    found = data.get_command(context, verb)
    assert found is not None
    known = {option for param in found.params for option in param.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_every_kind_says_what_it_breaks_and_what_mends_it(kind: object) -> None:
    assert kind.breaks.endswith(".") or kind.breaks.endswith("?")  # type: ignore[attr-defined]
    assert len(kind.mend) > 10  # type: ignore[attr-defined]
