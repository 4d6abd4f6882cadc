"""Options that several commands have in common, so that one thing has one name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
_EXTRAS = "forkctl.extras"


class Renamed(click.Option):
    """The first name is the one that help shows; older ones are still taken."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        names = self.opts
        self.opts = names[:1]
        try:
            return super().get_help_record(ctx)
        finally:
            self.opts = names


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def profile_option(command: Command) -> Command:
    """--profile, and what comes with it: the command sees one word, such as cuda+deepspeed."""
    command = click.option(
        "--with",
        "extras",
        multiple=True,
        metavar="EXTRA",
        is_eager=True,  # so that it is read before --profile
        expose_value=False,
        callback=lambda ctx, param, words: ctx.meta.update({_EXTRAS: words}),
        help="And with what only some runs need, such as deepspeed; repeatable.",
    )(command)
    return click.option(
        "--profile",
        type=click.Choice(["cpu", "cuda"]),
        callback=lambda ctx, param, word: (
            "+".join([word or "", *sorted(set(ctx.meta[_EXTRAS]))]) or None
        ),
        help="Which lock. Default: cuda if there is an NVIDIA driver, else cpu.",
    )(command)


own_option = click.option(
    "--env", "own", metavar="PATH|current", help="An environment of your own (conda, venv)."
)

paths_argument = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATHS..."
)
jobs_option = click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes. Default: one per CPU."
)
alignment_option = click.option(
    "--alignment",
    type=click.Choice(["auto", "raw", "aligned"]),
    default="auto",
    show_default=True,
    help="raw: obs[t] goes with actions[t+1].",
)

tasks_option = click.option(
    "--tasks",
    multiple=True,
    metavar="TASK",
    callback=lambda ctx, param, words: ",".join(words) or None,
    help="Number from 0, or part of a name; repeatable, or 0,3. Default: all.",
)
simulators_option = click.option(
    "--jobs",
    "--workers",
    "jobs",
    cls=Renamed,
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Simulators at once; each keeps a CPU busy.",
)
reflections_option = click.option(
    "--no-reflections",
    "--no-reflection",
    "no_reflections",
    cls=Renamed,
    is_flag=True,
    help="Render in half the time, with 1.4 % of the pixels changed.",
)
