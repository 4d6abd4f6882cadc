"""`forkctl data index`: remember where everything is in the files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from forkctl.cli.options import jobs_option, json_option, paths_argument
from forkctl.errors import ExitCode


@click.command()
@paths_argument
@click.option("--rebuild", is_flag=True, help="Index again, even if the index is fresh.")
@jobs_option
@json_option
def index(paths: tuple[Path, ...], rebuild: bool, jobs: int | None, as_json: bool) -> int:
    """Index the HDF5 files in PATHS and below, so that loaders need not walk them again.

    The index holds names, shapes and offsets, lies in the cache folder, and is ignored as soon as a
    file changes.
    """
    from forkctl.cli.data.index_table import print_indexed, to_json
    from forkctl.cli.progress_bar import advance_over
    from forkctl.libero.files.indexing import index_files
    from forkctl.libero.files.paths import find_files
    from forkctl.libero.parallel import cpu_count

    files = find_files(paths)
    results = index_files(files, rebuild=rebuild, jobs=jobs or cpu_count())
    indexed = list(advance_over(results, len(files), "Indexing"))
    if as_json:
        click.echo(json.dumps([to_json(item) for item in indexed], indent=2))
    else:
        print_indexed(indexed)
    failed = any(item.error for item in indexed)
    return ExitCode.USER_MUST_ACT if failed else ExitCode.DONE
