"""`forkctl ckpt inspect`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tensors", is_flag=True, help="List every tensor with its shape.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def inspect(file: Path, tensors: bool, as_json: bool) -> None:
    """Say what FILE (.pth or .safetensors) holds, without loading or running any of it."""
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
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    algorithm = f", {summary['algorithm']}" if summary["algorithm"] else ""
    size = summary["bytes"] / 1e6
    console.print(f"{summary['file']}: {summary['kind']} checkpoint{algorithm}, {size:,.1f} MB")
    for name, counts in summary["sections"].items():
        console.print(f"  {name}: {counts['tensors']} tensors, {counts['numbers']:,} numbers")

    parts = Table("part", "tensors", "buffers", "numbers", box=None, pad_edge=False)
    for name, counts in summary["parts"].items():
        cells = (counts["tensors"], counts["buffers"], counts["numbers"])
        parts.add_row(name, *(f"{n:,}" for n in cells))
    console.print(parts)

    known = Table.grid("", "", padding=(0, 2))
    for key, facts in summary["observations"].items():
        shape = "×".join(map(str, facts["shape"])) if facts["shape"] else "shape not said"
        known.add_row(f"{facts['kind']} observation", f"{key} {shape}")
    if summary["action_dim"] is not None:
        known.add_row("actions", str(summary["action_dim"]))
    for name, value in summary["settings"].items():
        known.add_row(name.replace("_", " "), str(value))
    if summary["normalised"]:
        known.add_row("normalisation kept for", ", ".join(summary["normalised"]))
    console.print(known)
    if "tensors" in summary:
        for name, size in summary["tensors"].items():
            console.print(f"{name}  {tuple(size)}")
