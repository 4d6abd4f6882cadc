"""`forkctl data index`: remember where everything lies in the files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from forkctl.errors import ExitCode


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--rebuild", is_flag=True, help="Walk the files even if their index is fresh.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes. Default: the CPUs here.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def index(paths: tuple[Path, ...], rebuild: bool, jobs: int | None, as_json: bool) -> int:
    """Index the HDF5 files among and below PATHS, so that loaders need not walk them again.

    The index holds names, shapes and offsets, lives in the cache folder, and is left aside as soon
    as a file changes.
    """
    from forkctl.cli.data.index_table import print_indexed, to_json
    from forkctl.cli.data.progress import advance_over
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
