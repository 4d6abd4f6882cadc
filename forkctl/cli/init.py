"""`forkctl init`."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.errors import ExitCode


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init(folder: Path) -> int:
    """Start a workspace in FOLDER, or here, with the forks that come with forkctl.

    Writes forks.toml, forks.lock, patches/, overlays/ and configs/. Existing files are never
    overwritten.
    """
    from forkctl.forks.shipped import start_workspace

    started = start_workspace(folder.absolute())
    if not started.written:
        click.echo(f"{started.folder} already has all of these forks")
        return ExitCode.DONE
    click.echo(f"wrote {len(started.written)} files to {started.folder}")
    change = "" if started.folder == Path.cwd() else f"cd {folder} && "
    click.echo(f"next: {change}forkctl sync && forkctl apply")
    return ExitCode.DONE
