"""`forkctl data download`: a suite from the hub, resumed and verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.completing import suite_names
from forkctl.cli.options import json_option

if TYPE_CHECKING:
    from forkctl.libero.tools.download import RemoteFile


@click.command()
@click.argument("suite", shell_complete=suite_names)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Files go to OUT/SUITE.",
)
@click.option("--tasks", type=click.IntRange(min=1), help="Only the first N tasks of a suite.")
@click.option("--repo", help="Another dataset repository with a folder per suite.")
@click.option("--revision", default="main", show_default=True, help="Revision of the repository.")
@click.option(
    "--dry-run", is_flag=True, help="Only list the files, and say which are missing here."
)
@json_option
def download(
    suite: str,
    out: Path,
    tasks: int | None,
    repo: str | None,
    revision: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Download LIBERO's raw files of SUITE, or of `all`.

    Run the same command again after an interruption: it resumes. Every file is checked against the
    hub's digest, including those that were here before. HF_ENDPOINT can name a mirror.
    """
    from forkctl.cli.progress_bar import progress_bar
    from forkctl.libero.suites import RAW_HUB_ID
    from forkctl.libero.tools.download import fetch, is_whole, list_suite

    remote = list_suite(suite, repo or RAW_HUB_ID, revision, tasks)
    size = sum(file.size for file in remote.files)
    fetched: list[str] = []
    if dry_run:
        fetched = [file.path for file in remote.files if not is_whole(out / file.path, file)]
    else:
        with progress_bar(f"Downloading {size / 1e9:.1f} GB", len(remote.files)) as update:

            def note(file: RemoteFile, was_fetched: bool) -> None:
                update(advance=1)
                if was_fetched:
                    fetched.append(file.path)

            fetch(remote, out, on_file=note)
    if as_json:
        said = {
            "repo": remote.repo,
            "commit": remote.commit,
            "bytes": size,
            "files": [str(out / file.path) for file in remote.files],
            "to_fetch" if dry_run else "fetched": fetched,
        }
        click.echo(json.dumps(said, indent=2))
        return
    verb = "to download" if dry_run else "downloaded"
    click.echo(f"{remote.repo} at {remote.commit[:12]}: {len(remote.files)} files, {size:,} bytes")
    click.echo(f"{len(fetched)} {verb}, {len(remote.files) - len(fetched)} were here already")
