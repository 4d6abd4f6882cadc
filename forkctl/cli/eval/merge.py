"""`forkctl eval merge`."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.options import json_option


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder to write to."
)
@click.option("--html", type=click.Path(path_type=Path), help="Report. Default: in OUT.")
@json_option
def merge(records: tuple[Path, ...], out: Path, html: Path | None, as_json: bool) -> int:
    """Join the RECORDS of shards, or all those in a folder, and count them as one evaluation."""
    from forkctl.cli.eval.rollout_view import print_rollout
    from forkctl.evaluation.rollouts import merging
    from forkctl.evaluation.rollouts.trials import WHOLE

    summary = merging.merge(merging.find_records(records), out / WHOLE.record)
    return print_rollout(summary, out, WHOLE, html, as_json)
