"""`forkctl eval report`."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.options import json_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Report. Default: in FOLDER.")
@json_option
def report(folder: Path, html: Path | None, as_json: bool) -> int:
    """Compute the numbers of the record in FOLDER again, and write its report. Loads no policy."""
    from forkctl.evaluation.rollouts.merging import RECORDS

    if list(folder.glob(RECORDS)):
        from forkctl.cli.eval.rollout_view import print_rollout
        from forkctl.evaluation.rollouts.merging import count, find_records
        from forkctl.evaluation.rollouts.trials import WHOLE

        return print_rollout(count(find_records([folder])), folder, WHOLE, html, as_json)
    from forkctl.cli.eval.openloop_view import print_result
    from forkctl.evaluation.openloop.evaluate import score_again

    print_result(score_again(folder), folder, html, as_json)
    return 0
