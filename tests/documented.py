"""Finds the commands that README and docs tell users to type, and says how each one is tested.

A command is a line of an indented block, or of a fenced block marked `console`, `sh` or `bash`.
Names of programs and of forkctl's commands also stand in the text, between backticks; those are
`mentions`, often with the arguments left out.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from forkctl.cli import root
from tests import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

# What a line may begin with. A block whose first line begins otherwise shows something else: a
# file, a table, an output.
PROGRAMS = (
    *("forkctl", "make", "python", "pip", "bash", "git"),
    *("cd", "eval", "export", "tensorboard"),
)
# Commands that take a network, a history, or hours of simulation; a command with --profile takes a
# fork's environment. They are run by other tests, with other words.
LONG = {
    ("data", "download"),
    ("demos",),
    ("drift",),
    ("env", "assets"),
    ("env", "lock"),
    ("eval", "merge"),
    ("eval", "rollout"),
    ("runs", "resume"),
}
_SHELLS = ("console", "sh", "bash", "shell")
_OPERATORS = ("&&", "||", "|", ";", ">")


class Line(NamedTuple):
    """One line as a person types it: commands with `&&` between them, perhaps."""

    page: str
    number: int
    text: str

    @property
    def commands(self) -> list[list[str]]:
        lexer = shlex.shlex(self.text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        found: list[list[str]] = [[]]
        for word in lexer:
            if word in _OPERATORS:
                found.append([])
            elif found[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
                found[-1].append(word)
        return [command for command in found if command]

    def __str__(self) -> str:
        return f"{self.page}:{self.number}: {self.text}"


def lines_of(page: Path) -> Iterator[Line]:
    for marked_as, block in _blocks(page.read_text(encoding="utf-8").split("\n")):
        prompted = [(number, text[2:]) for number, text in block if text.startswith("$ ")]
        if marked_as in _SHELLS or (marked_as is None and _is_typed(block[0][1])):
            for number, text in _joined(prompted or block):
                yield Line(page.relative_to(ROOT).as_posix(), number, text)


def _blocks(lines: list[str]) -> Iterator[tuple[str | None, list[tuple[int, str]]]]:
    """Every block as its numbered lines: fenced ones with their mark, indented ones with None."""
    block: list[tuple[int, str]] = []
    fence: str | None = None
    may_begin = True  # an indented line right after text belongs to that text
    for number, line in enumerate([*lines, "end"], 1):
        opening = re.match(r"```\s*(\w*)", line)
        indented = fence is None and line.startswith("    ") and (may_begin or bool(block))
        if indented or (fence is not None and opening is None):
            if line.strip():
                block.append((number, line.strip() if fence is not None else line[4:]))
        elif opening or line.strip():
            if block:
                yield fence, block
            block = []
        if opening:
            fence = (opening[1] or "text") if fence is None else None
        may_begin = not line.strip() or line.startswith("#")


def _is_typed(first: str) -> bool:
    """A word that is nearly a program counts too, so that a slip is found."""
    program = re.sub(r"^([A-Z_]+=\S+ )+", "", first.removeprefix("$ ")).split()[0]
    return bool(difflib.get_close_matches(program, PROGRAMS, n=1, cutoff=0.8))


def _joined(block: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines that end in a backslash go on in the next."""
    started, text = 0, ""
    for number, part in block:
        started, text = (started, f"{text} {part.strip()}") if text else (number, part.strip())
        if text.endswith("\\"):
            text = text[:-1].rstrip()
            continue
        if text and not text.startswith("#"):
            yield started, text
        text = ""


def mentions_of(text: str) -> list[str]:
    """`forkctl …` between backticks."""
    return [" ".join(found.split()) for found in re.findall(r"`(forkctl [^`]+)`", text)]


def check_mention(mention: str) -> str | None:
    """What is wrong with a command whose arguments may be left out: a name that does not exist."""
    command: click.Command = root
    words = mention.split()[1:]
    context = click.Context(root)
    while words and isinstance(command, click.Group) and re.fullmatch(r"[a-z][\w-]*", words[0]):
        found = command.get_command(context, words[0])
        if found is None:
            return f"{mention}: there is no command {words[0]!r}"
        command = found
        words = words[1:]
    if "--" in words:
        words = words[: words.index("--")]
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    for word in words:
        name = word.strip("[](),.…").partition("=")[0]
        if name.startswith("-") and name not in (options | {"--help", "-h", "--version"}):
            return f"{mention}: there is no option {name}"
    return None


def parsed(words: list[str]) -> tuple[tuple[str, ...], click.Context]:
    """The names of the command and its context, all words taken as a run of it would."""
    context: click.Context = root.make_context("forkctl", list(words[1:]))
    names: tuple[str, ...] = ()
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, rest)
        assert name is not None
        assert command is not None
        context = command.make_context(name, rest, parent=context)
        names = (*names, name)
    return names, context


def kind_of(line: Line) -> str:
    """How a line is tested: `run` as it stands, `elsewhere` with other words, or only `parsed`
    where a command is not forkctl's. `broken` is a line that cannot be parsed."""
    if any(command[0] != "forkctl" for command in line.commands):
        return "parsed"
    try:
        return "elsewhere" if any(map(runs_elsewhere, line.commands)) else "run"
    except click.ClickException:
        return "broken"


def runs_elsewhere(command: list[str]) -> bool:
    names, context = parsed(command)
    if names == ("config",):
        return "--validate" in command
    options = {option for param in context.command.params for option in param.opts}
    return names in LONG or "--profile" in options


def commands_run_elsewhere() -> Iterator[list[str]]:
    for line in (line for page in PAGES for line in lines_of(page)):
        if kind_of(line) == "elsewhere":
            yield from filter(runs_elsewhere, line.commands)
