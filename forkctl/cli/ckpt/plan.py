"""`forkctl ckpt plan`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from forkctl.cli.completing import fork_names
from forkctl.cli.options import own_option, profile_option
from forkctl.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from forkctl.checkpoints.description import ModelDescription
    from forkctl.checkpoints.transfer import Rules, TransferPlan


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--fork",
    help="Build the model in this fork's environment, from --config.",
    shell_complete=fork_names,
)
@click.option("--config", type=click.Path(path_type=Path), help="The config of the model.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="A data file or folder for the config."
)
@profile_option
@own_option
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Compare with a checkpoint of the model instead.",
)
@click.option("--map", "maps", multiple=True, metavar="OLD=NEW", help="Rename tensors; repeatable.")
@click.option(
    "--grow",
    multiple=True,
    metavar="PATTERN",
    help="Fill weights with more inputs in part; repeatable.",
)
@click.option("--plain", is_flag=True, help="Do only what load_state_dict(strict=False) does.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def plan(
    file: Path,
    fork: str | None,
    config: Path | None,
    data: Path | None,
    profile: str | None,
    own: str | None,
    model: Path | None,
    maps: Sequence[str],
    grow: Sequence[str],
    plain: bool,
    as_json: bool,
) -> int:
    """Show which tensors of FILE a model would take over, and whether a run would refuse that."""
    from forkctl.checkpoints.contents import open_checkpoint, require_undamaged
    from forkctl.checkpoints.description import read_description
    from forkctl.checkpoints.report import plan_as_dict
    from forkctl.checkpoints.transfer import plan_transfer

    checkpoint = open_checkpoint(file)
    require_undamaged(file)
    if model is not None:
        target = read_description(model)
    elif fork is not None and config is not None:
        from forkctl.families.registry import launcher_of
        from forkctl.forks.manifest import load
        from forkctl.forks.workspace import find_workspace
        from forkctl.output import say
        from forkctl.training.model_description import describe_for
        from forkctl.training.resolving import RunRequest, resolve

        workspace = find_workspace()
        chosen = load(workspace.manifest).fork(fork)
        request = RunRequest(config, data, file, profile=profile, environment=own)
        resolved = resolve(workspace, chosen, launcher_of(workspace, chosen), request)
        target = describe_for(resolved, say)
    else:
        raise UsageError(
            "there is no model to compare with",
            hint="give --fork NAME with --config FILE, or --model with a checkpoint of the model",
        )
    rules = _rules(target, maps, grow, plain)
    transfer = plan_transfer(checkpoint.nets, target.tensors, rules)
    found = plan_as_dict(transfer)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _print(transfer, target)
    return int(ExitCode.USER_MUST_ACT if found["refused"] else ExitCode.DONE)


def _rules(
    target: ModelDescription, maps: Sequence[str], grow: Sequence[str], plain: bool
) -> Rules:
    """The rules of the config, overridden by the options of the command."""
    from forkctl.checkpoints.transfer import PLAIN_NON_STRICT

    if plain:
        return PLAIN_NON_STRICT
    wrong = [entry for entry in maps if "=" not in entry]
    if wrong:
        raise UsageError(
            f"--map takes OLD=NEW, not {wrong[0]!r}",
            hint="write, for example, --map varied_camera_1_left_image=agentview_rgb",
        )
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
    from forkctl.checkpoints.report import differences, header, plan_as_rows, summary_line
    from forkctl.checkpoints.transfer import refusal
    from forkctl.cli import print_error
    from forkctl.output import print_table

    print_table(header(), plan_as_rows(transfer))
    click.echo(summary_line(transfer))
    for line in differences(transfer):
        click.echo(line)
    if target.strict:
        click.echo("The config sets strict_weight_loading: a run would load everything or nothing.")
    refused = refusal(transfer)
    if refused is not None:
        print_error(refused)
