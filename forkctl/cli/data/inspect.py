"""`forkctl data inspect`: look into one LIBERO file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forkctl.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from forkctl.libero.files.reader import Demo, DemoFile


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--demo", "demo_name", metavar="NAME", help="Default: the first.")
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Write a PNG of actions, gripper and path."
)
@click.option("--sheet", type=click.Path(path_type=Path), help="Write a PNG of frames, upright.")
@click.option(
    "--frames/--no-frames",
    "frames",
    default=None,
    help="Show frames in the terminal. Default: if it is one.",
)
@json_option
def inspect(
    path: Path,
    demo_name: str | None,
    plot: Path | None,
    sheet: Path | None,
    frames: bool | None,
    as_json: bool,
) -> None:
    """Show what is in PATH, or a folder's first file: its tree, one demo's motion and frames."""
    from rich.console import Console

    from forkctl.errors import ForkctlError
    from forkctl.libero.files.paths import find_files
    from forkctl.libero.files.reader import open_demo_file
    from forkctl.libero.tools.pictures import save_contact_sheet, save_plot

    with open_demo_file(find_files([path])[0], use_index=False) as file:
        facts = _facts(file)
        demo = file[demo_name or file.demo_names[0]]
        if not demo.length:
            hint = "--demo names another; `forkctl data validate` finds all such"
            raise ForkctlError("the demo has no steps", where=file.where(demo.name), hint=hint)
        if plot:
            save_plot(demo, plot, facts["alignment"])
        if sheet:
            save_contact_sheet(demo, sheet)
        if as_json:
            click.echo(json.dumps({**facts, "demo": _shapes(demo)}, indent=2))
            return
        console = Console()
        _print_file(console, facts, demo)
        _print_motion(console, demo)
        if frames if frames is not None else console.is_terminal:
            _print_frames(console, demo)
    for written in filter(None, (plot, sheet)):
        click.echo(f"wrote {written}")


def _facts(file: DemoFile) -> dict[str, Any]:
    from forkctl.errors import ForkctlError
    from forkctl.libero.errors import AlignmentError

    lengths = [demo.length for demo in file]
    if not lengths:
        raise ForkctlError("the file has no demos", where=file.path)
    try:
        alignment = file.alignment()
    except AlignmentError:
        alignment = "unclear"
    return {
        "path": file.path,
        "task": file.task,
        "language": file.language,
        "alignment": alignment,
        "demos": len(file),
        "steps": sum(lengths),
        "shortest": min(lengths),
        "longest": max(lengths),
        "attributes": sorted(file.attrs),
    }


def _shapes(demo: Demo) -> dict[str, Any]:
    names = [name for name in demo.file.children(demo.name) if name != "obs"]
    names += [f"obs/{key}" for key in demo.obs_keys]
    extents = {name: demo.file.extent(f"{demo.name}/{name}") for name in names}
    return {
        "name": demo.name,
        "attributes": sorted(demo.attrs),
        "datasets": {
            name: {"shape": extent.shape, "dtype": extent.dtype} for name, extent in extents.items()
        },
    }


def _print_file(console: Console, facts: dict[str, Any], demo: Demo) -> None:
    import numpy as np
    from rich.markup import escape
    from rich.tree import Tree

    mean = facts["steps"] / facts["demos"]
    lengths = f"{facts['shortest']} to {facts['longest']} steps, {mean:.1f} on average"
    for line in (
        f"[bold]{escape(Path(facts['path']).name)}[/bold]",
        f"  language   {escape(facts['language'])}",
        f"  alignment  {facts['alignment']}",
        f"  demos      {facts['demos']}, of {lengths}",
    ):
        console.print(line, highlight=False, soft_wrap=True)
    tree = Tree("data")
    if facts["attributes"]:
        tree.add(f"[dim]attributes: {escape(', '.join(facts['attributes']))}[/dim]")
    shapes = _shapes(demo)
    branch = tree.add(f"[bold]{escape(demo.name)}[/bold] [dim]and {facts['demos'] - 1} more[/dim]")
    if shapes["attributes"]:
        branch.add(f"[dim]attributes: {escape(', '.join(shapes['attributes']))}[/dim]")
    obs = None
    for name, each in shapes["datasets"].items():
        if name.startswith("obs/") and obs is None:
            obs = branch.add("obs")
        parent = obs if obs is not None and name.startswith("obs/") else branch
        shape = " x ".join(map(str, each["shape"]))
        parent.add(
            f"{escape(name.rpartition('/')[2]):16} {shape:18} {np.dtype(each['dtype']).name}"
        )
    console.print(tree, highlight=False)


def _print_motion(console: Console, demo: Demo) -> None:
    from rich.markup import escape

    from forkctl.cli.data.terminal import sparkline
    from forkctl.libero.schema import CONTROL_HZ

    names = ("x", "y", "z", "turn x", "turn y", "turn z", "gripper")
    limits = (1.0,) * 3 + (0.4,) * 3 + (1.0,)
    cells = max(min(console.width - 12, 80), 10)
    seconds = demo.length / CONTROL_HZ
    console.print(f"[bold]{escape(demo.name)}[/bold] actions over {seconds:.1f} s", highlight=False)
    actions = demo.actions()
    for axis, (name, limit) in enumerate(zip(names, limits, strict=True)):
        console.print(f"  {name:8} {sparkline(actions[:, axis], cells, -limit, limit)}")


def _print_frames(console: Console, demo: Demo) -> None:
    from forkctl.cli.data.terminal import filmstrip, half_blocks
    from forkctl.libero.schema import CAMERAS
    from forkctl.libero.tools.pictures import strip

    count = 4
    cells = max(min((console.width - 1) // count, 40), 8) // 2 * 2
    for camera in CAMERAS:
        if camera in demo.obs_keys:
            console.print(f"[bold]{camera}[/bold], upright")
            picture = filmstrip(strip(demo, camera, count), cells)
            console.print(half_blocks(picture), end="", no_wrap=True, overflow="crop")
