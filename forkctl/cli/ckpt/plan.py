"""`forkctl ckpt plan`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from forkctl.checkpoints.description import ModelDescription
    from forkctl.checkpoints.transfer import Rules, TransferPlan


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--fork", help="Build the model in this fork's environment…")
@click.option("--config", type=click.Path(path_type=Path), help="…from this config.")
@click.option("--data", type=click.Path(path_type=Path), help="A data file or folder for it.")
@click.option("--env", "env_choice", help="Another environment: a folder, or `current`.")
@click.option("--profile", default="cpu", show_default=True, help="The fork's environment to use.")
@click.option("--model", type=click.Path(path_type=Path), help="Or: a checkpoint of the model.")
@click.option("--map", "maps", multiple=True, metavar="OLD=NEW", help="Rename; may be repeated.")
@click.option("--grow", multiple=True, metavar="PATTERN", help="Fill wider weights in part.")
@click.option("--plain", is_flag=True, help="What load_state_dict(strict=False) alone would do.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def plan(
    file: Path,
    fork: str | None,
    config: Path | None,
    data: Path | None,
    env_choice: str | None,
    profile: str,
    model: Path | None,
    maps: Sequence[str],
    grow: Sequence[str],
    plain: bool,
    as_json: bool,
) -> int:
    """Say which tensors of FILE a model would take over, and whether a run would refuse that."""
    from forkctl.checkpoints.contents import open_checkpoint
    from forkctl.checkpoints.description import read_description
    from forkctl.checkpoints.report import plan_as_dict
    from forkctl.checkpoints.transfer import plan_transfer

    checkpoint = open_checkpoint(file)
    if model is not None:
        target = read_description(model)
    elif fork is not None and config is not None:
        from forkctl.training.model_description import describe_in_environment

        target = describe_in_environment(fork, config, data, env_choice, profile)
    else:
        raise UsageError("give a model: --fork with --config, or --model with a checkpoint of it")
    chosen = _rules(target, maps, grow, plain)
    transfer = plan_transfer(checkpoint.nets, target.tensors, chosen)
    found = plan_as_dict(transfer)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _print(transfer, target)
    return int(ExitCode.USER_MUST_ACT if found["refused"] else ExitCode.DONE)


def _rules(
    target: ModelDescription, maps: Sequence[str], grow: Sequence[str], plain: bool
) -> Rules:
    """What the config asks for, with the command's own words over it."""
    from forkctl.checkpoints.transfer import PLAIN_NON_STRICT

    if plain:
        return PLAIN_NON_STRICT
    wrong = [entry for entry in maps if "=" not in entry]
    if wrong:
        raise UsageError(f"--map takes OLD=NEW, not {wrong[0]!r}")
    given: dict[str, str | list[str]] = {}
    for entry in maps:
        old, _, new = entry.partition("=")
        before = given.get(old)
        given[old] = (
            new if before is None else [*([before] if isinstance(before, str) else before), new]
        )
    rules = target.rules
    return replace(
        rules,
        key_map=given or rules.key_map,
        grow=tuple(grow) or rules.grow,
    )


def _print(transfer: TransferPlan, target: ModelDescription) -> None:
    from rich.console import Console
    from rich.table import Table

    from forkctl.checkpoints.report import header, plan_as_rows, summary_line
    from forkctl.checkpoints.transfer import refusal

    console = Console(highlight=False)
    first, *rest = header()
    table = Table(first, box=None, pad_edge=False)
    for name in rest:
        table.add_column(name, justify="right")
    for row in plan_as_rows(transfer):
        table.add_row(*row, end_section=row[0] != "all")
    console.print(table)
    console.print(summary_line(transfer))
    for move in transfer.moves:
        if move.verdict.value in ("reshaped", "grown"):
            console.print(
                f"  {move.verdict.value}: {move.target} {move.source_shape} -> {move.facts.shape}"
            )
    if target.strict:
        console.print("The config sets strict_weight_loading: a run would load all or nothing.")
    refused = refusal(transfer)
    if refused is not None:
        console.print(f"A run would stop: {refused.message}", style="red")
        console.print(f"{refused.hint}", style="cyan")
