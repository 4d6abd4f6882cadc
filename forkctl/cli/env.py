"""`forkctl env`: create and check each fork's environment."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.completing import environment_names, fork_names, suite_names
from forkctl.cli.options import json_option, own_option, profile_option


@click.group()
def env() -> None:
    """Create and check each fork's environment.

    An environment holds packages only. A fork's tree is bound to it by PYTHONPATH when something
    runs, so forks with the same lock share one, and a changed patch rebuilds nothing.
    """


@env.command(short_help="Make an environment from its lock.")
@click.argument("name", shell_complete=environment_names)
@profile_option
def create(name: str, profile: str | None) -> None:
    """Make the environment NAME, of a fork or an [env.NAME] of forks.toml, from its lock."""
    from forkctl.environments.environment import create_environment, size_of
    from forkctl.environments.selecting import lock_by_spec, spec_named
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import say

    workspace = find_workspace()
    spec = spec_named(manifest.load(workspace.manifest), name)
    lock = lock_by_spec(workspace, spec, profile)
    made = create_environment(lock, say)
    click.echo(f"{made.prefix} ({size_of(made) / 10**9:.1f} GB)")


@env.command()
@click.argument("name", required=False, shell_complete=environment_names)
@json_option
def show(name: str | None, as_json: bool) -> None:
    """Show the environment NAME, or all."""
    from forkctl.environments.listing import all_environments
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import print_json, print_table

    workspace = find_workspace()
    shown = all_environments(workspace, manifest.load(workspace.manifest), name)
    if as_json:
        print_json([each.as_json() for each in shown])
        return
    print_table(
        ("name", "profile", "python", "packages", "torch", "environment", "size"),
        [each.as_row() for each in shown],
    )


@env.command(short_help="Check its packages, and what FORK imports.")
@click.argument("fork", shell_complete=fork_names)
@profile_option
@own_option
@json_option
def check(fork: str, profile: str | None, own: str | None, as_json: bool) -> int:
    """Check that the packages are those of the lock, and that FORK's own come from its tree."""
    from forkctl.checks import any_failed
    from forkctl.environments.proving import check_environment
    from forkctl.families.registry import launcher_of
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import checks_as_json, print_checks, print_json

    workspace = find_workspace()
    chosen = manifest.load(workspace.manifest).fork(fork)
    launcher = launcher_of(workspace, chosen)
    found = check_environment(
        workspace, chosen, profile, own, packages=launcher.packages, modules=launcher.modules
    )
    if as_json:
        print_json(checks_as_json(found))
    else:
        print_checks(found)
    return 1 if any_failed(found) else 0


@env.command(name="exec", short_help="Run a command in it.")
@click.argument("fork", shell_complete=fork_names)
@profile_option
@own_option
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_command(fork: str, profile: str | None, own: str | None, words: tuple[str, ...]) -> int:
    """Run any command in FORK's environment, bound to its tree.

    \b
    forkctl env exec FORK -- python -m a.module --help
    """
    from forkctl.environments.executing import execute
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import say

    workspace = find_workspace()
    chosen = manifest.load(workspace.manifest).fork(fork)
    return execute(workspace, chosen, profile, own, words, say)


@env.command(short_help="Get LIBERO's meshes and textures.")
@click.argument("suites", nargs=-1, required=True, shell_complete=suite_names)
@click.option(
    "--from",
    "copy",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A copy of LIBERO's libero/libero/assets, instead of fetching them.",
)
@click.option("--offline", is_flag=True, help="Use the cache only.")
def assets(suites: tuple[str, ...], copy: Path | None, offline: bool) -> None:
    """Get what the simulator's tasks of SUITES load, from a pinned commit of LIBERO.

    Every file is held to the digest that the commit has for it, in a copy too. The simulator takes
    them from the cache, unless FORKCTL_LIBERO_ASSETS names another folder.
    """
    from forkctl.environments.libero_assets import lay_out_assets
    from forkctl.forks import manifest
    from forkctl.forks.cache import Fetcher
    from forkctl.forks.processes import Children
    from forkctl.forks.workspace import ended_with_the_command, find_workspace
    from forkctl.libero.suites import get_suite

    named = [get_suite(suite).name for suite in suites]
    mirrors = manifest.load(find_workspace().manifest).mirrors
    with ended_with_the_command(Children()) as children:
        made = lay_out_assets(Fetcher(children, mirrors, offline), named, copy)
    click.echo(f"{made.folder}: {len(made.files)} files for {', '.join(made.suites)}")


@env.command()
@click.argument("name", shell_complete=environment_names)
@profile_option
def remove(name: str, profile: str | None) -> None:
    """Remove the environment NAME. Forks with the same lock lose it too."""
    from forkctl.environments.environment import remove_environment
    from forkctl.environments.selecting import lock_by_spec, spec_named
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import say

    workspace = find_workspace()
    spec = spec_named(manifest.load(workspace.manifest), name)
    lock = lock_by_spec(workspace, spec, profile)
    removed = remove_environment(lock, say)
    click.echo("removed" if removed else "there was none")


@env.command(name="lock")
@click.argument("name", shell_complete=environment_names)
@profile_option
def lock_command(name: str, profile: str | None) -> None:
    """Resolve PROFILE.in again, as of its date, and write the lock."""
    from forkctl.environments.locks import locked_profiles, write_lock
    from forkctl.environments.selecting import full_profile, spec_named
    from forkctl.forks import manifest
    from forkctl.forks.workspace import find_workspace

    workspace = find_workspace()
    spec = spec_named(manifest.load(workspace.manifest), name)
    folder = workspace.root / spec.locks
    for each in [full_profile(profile)] if profile else locked_profiles(folder, ".in"):
        click.echo(_relative(write_lock(folder / f"{each}.in", spec.python)))


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
