"""`forkctl data download`: a suite from the hub, resumed and verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.completing import suite_names

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
@click.option("--tasks", type=click.IntRange(min=1), help="Only the first N tasks of the suite.")
@click.option("--repo", help="Another dataset repository with a folder for each suite.")
@click.option("--revision", default="main", show_default=True, help="Of that repository.")
@click.option("--dry-run", is_flag=True, help="Only list what there is, and what is here already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def download(
    suite: str,
    out: Path,
    tasks: int | None,
    repo: str | None,
    revision: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Fetch LIBERO's raw files of SUITE.

    Run it again after an interruption: it goes on where it stopped. Every file is checked against
    the hub's digest, also those that were there. HF_ENDPOINT names a mirror.
    """
    from forkctl.cli.data.progress import steps
    from forkctl.libero.suites import RAW_HUB_ID
    from forkctl.libero.tools.download import fetch, is_whole, list_suite

    remote = list_suite(suite, repo or RAW_HUB_ID, revision, tasks)
    size = sum(file.size for file in remote.files)
    fetched: list[str] = []
    if dry_run:
        fetched = [file.path for file in remote.files if not is_whole(out / file.path, file)]
    else:
        with steps(len(remote.files), f"Fetching {size / 1e9:.1f} GB") as advance:

            def note(file: RemoteFile, was_fetched: bool) -> None:
                advance()
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
    verb = "to fetch" if dry_run else "fetched"
    click.echo(f"{remote.repo} at {remote.commit[:12]}: {len(remote.files)} files, {size:,} bytes")
    click.echo(f"{len(fetched)} {verb}, {len(remote.files) - len(fetched)} were here and are whole")
