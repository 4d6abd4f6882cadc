"""Remembers the commands that tests ran to a good end, and holds the docs against them (a plugin).

A documented command that takes an environment, a network or minutes is not run for its own sake.
It counts as tested where other tests ran that command, and each of its options, once at least. A
session of all tests, of which none was skipped, fails where that is not so.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.core import ParameterSource

from forkctl.cli import root
from tests.documented import commands_run_elsewhere, parsed

_FILE = "FORKCTL_TEST_COMMANDS"  # one for all of xdist's workers


class Use(NamedTuple):
    """A command, and the options and arguments that it was given."""

    names: tuple[str, ...]
    given: frozenset[str]

    @classmethod
    def of(cls, words: Sequence[str]) -> Use:
        names, context = parsed(["forkctl", *words])
        typed = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        given = (p for p in context.params if context.get_parameter_source(p) in typed)
        return cls(names, frozenset(given))


def note(words: Sequence[str]) -> None:
    """This ended well."""
    if path := os.environ.get(_FILE):
        with Path(path).open("a") as file:
            file.write(json.dumps(list(words)) + "\n")  # one write: other processes append too


def remember_commands_of_this_process() -> None:
    run = root.main

    def remembered(args: Sequence[str], **more: Any) -> Any:
        result = run(args=args, **more)
        if not isinstance(result, int) or result == 0:
            note(args)
        return result

    root.main = remembered  # type: ignore[method-assign]


def uses(path: Path) -> Iterator[Use]:
    for line in set(path.read_text().splitlines()):
        try:
            yield Use.of(json.loads(line))
        except (click.ClickException, click.exceptions.Exit):
            continue  # `--help`, and words of a workspace that is gone


def untested(path: Path) -> list[str]:
    """What the docs say and no test did."""
    known = list(uses(path))
    found = []
    for words in commands_run_elsewhere():
        wanted = Use.of(words[1:])
        given = {each for use in known if use.names == wanted.names for each in use.given}
        if not any(use.names == wanted.names for use in known) or not wanted.given <= given:
            lacking = ", ".join(sorted(wanted.given - given))
            found.append(f"{' '.join(words)}: no test ran it with {lacking or 'success'}")
    return sorted(set(found))


class Memory:
    """What a session learned of the docs, for the end of its output."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        path, config = Path(os.environ.pop(_FILE)), session.config
        whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        if whole and not config.option.keyword and not config.option.markexpr:
            self.lines = untested(path)
            if not config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped"):
                session.exitstatus = session.exitstatus or bool(self.lines)
        path.unlink()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.lines:
            terminalreporter.section("DOCUMENTED COMMANDS THAT NO TEST RAN")
            for line in self.lines:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        handle, os.environ[_FILE] = tempfile.mkstemp(prefix="forkctl-commands-")
        os.close(handle)
        config.pluginmanager.register(Memory())
    remember_commands_of_this_process()
