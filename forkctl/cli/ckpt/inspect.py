"""`forkctl ckpt inspect`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tensors", is_flag=True, help="List every tensor with its shape.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def inspect(file: Path, tensors: bool, as_json: bool) -> None:
    """Show what FILE (.pth or .safetensors) contains, without loading or running any of it."""
    from forkctl.checkpoints.contents import open_checkpoint
    from forkctl.checkpoints.summary import summarise

    checkpoint = open_checkpoint(file)
    summary = summarise(checkpoint)
    if tensors:
        summary["tensors"] = {name: list(facts.shape) for name, facts in checkpoint.nets.items()}
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        _print(summary)


def _print(summary: Mapping[str, Any]) -> None:
    from forkctl.output import print_table

    algorithm = f", {summary['algorithm']}" if summary["algorithm"] else ""
    size = summary["bytes"] / 1e6
    click.echo(f"{summary['file']}: {summary['kind']} checkpoint{algorithm}, {size:,.1f} MB")
    for name, counts in summary["sections"].items():
        click.echo(f"{name}: {counts['tensors']} tensors, {counts['numbers']:,} numbers")
    click.echo()
    print_table(
        ("part", "tensors", "buffers", "numbers"),
        [
            (name, counts["tensors"], counts["buffers"], f"{counts['numbers']:,}")
            for name, counts in summary["parts"].items()
        ],
    )
    click.echo()
    print_table(("", ""), _known(summary))
    for name, shape in summary.get("tensors", {}).items():
        click.echo(f"{name}  {tuple(shape)}")


def _known(summary: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, facts in summary["observations"].items():
        shape = "x".join(map(str, facts["shape"])) if facts["shape"] else "shape unknown"
        yield f"{facts['kind']} observation", f"{key}  {shape}"
    if summary["action_dim"] is not None:
        yield "actions", summary["action_dim"]
    for name, value in summary["settings"].items():
        yield name.replace("_", " "), value
    if summary["normalised"]:
        yield "normalisation kept for", ", ".join(summary["normalised"])
