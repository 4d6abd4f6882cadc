"""What the shell offers after Tab: forks, runs and suites. Silent where there is no workspace."""

from __future__ import annotations

from collections.abc import Iterable

import click

from forkctl.errors import ForkctlError


def fork_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from forkctl.forks.manifest import load
    from forkctl.forks.workspace import find_workspace

    try:
        names = [fork.name for fork in load(find_workspace().manifest).forks]
    except ForkctlError:
        return []
    return _offered(names, ctx, param, incomplete)


def environment_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """An environment has the name of its fork, or of an [env.NAME] in forks.toml."""
    from forkctl.forks.manifest import load
    from forkctl.forks.workspace import find_workspace

    try:
        manifest = load(find_workspace().manifest)
    except ForkctlError:
        return []
    names = [*(fork.name for fork in manifest.forks), *(name for name, _ in manifest.environments)]
    return _offered(names, ctx, param, incomplete)


def run_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from forkctl.forks.workspace import find_workspace
    from forkctl.training.records import all_runs

    try:
        newest_first = [run.id for run in all_runs(find_workspace().root)][::-1]
    except ForkctlError:
        return []
    return _offered(["last", *newest_first], ctx, param, incomplete)


def suite_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from forkctl.libero.suites import SUITES

    return _offered(SUITES, ctx, param, incomplete)


def _offered(
    names: Iterable[str], ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[str]:
    """Those that start as typed, and are not on the line yet."""
    given = ctx.params.get(param.name or "")
    taken = given if isinstance(given, (list, tuple)) else ()
    return [name for name in names if name.startswith(incomplete) and name not in taken]
