"""`forkctl ckpt merge`: whole weights from an adapter and the base that it was trained on."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("merge")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Default: CHECKPOINT-merged, beside it."
)
@click.option("--base", metavar="FOLDER", help="Where its base lies now. Default: where it lay.")
@click.option("--fork", default="openvla", show_default=True, help="Whose environment merges.")
@click.option("--profile", type=click.Choice(["cpu", "cuda"]), help="Which lock. Default: cpu.")
@click.option(
    "--env", "own", metavar="PATH|current", help="An environment of your own (conda, venv)."
)
def merge(
    checkpoint: Path,
    out: Path | None,
    base: str | None,
    fork: str,
    profile: str | None,
    own: str | None,
) -> int:
    """Merge the LoRA adapter of an OpenVLA CHECKPOINT into its base, into a new folder.

    For an earlier step of a run, one that was saved while the base was quantised, or an adapter of
    upstream's own. The base is read from where the run had it; nothing is changed in CHECKPOINT.
    """
    from forkctl.environments.binding import bind
    from forkctl.environments.selecting import select
    from forkctl.errors import ForkctlError
    from forkctl.forks.manifest import load
    from forkctl.forks.workspace import find_workspace
    from forkctl.output import say
    from forkctl.patching.series.fork_tree import open_fork_tree

    folder = checkpoint.expanduser().absolute()
    if not folder.is_dir():
        raise ForkctlError("there is no such folder", where=str(checkpoint))
    target = (out or folder.with_name(f"{folder.name}-merged")).expanduser().absolute()
    workspace = find_workspace()
    chosen = load(workspace.manifest).fork(fork)
    place = bind(
        open_fork_tree(workspace, chosen), select(workspace, chosen, profile, own).made(say)
    )
    words = ["-m", "forkctl_openvla.merging", str(folder), str(target)]
    if base is not None:
        words.append(str(Path(base).expanduser().absolute()))
    done = place.run_python(words, cwd=place.tree)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        said = [number for number, line in enumerate(lines) if line.startswith("forkctl: ")]
        text = "\n".join(lines[said[-1] :] if said else lines[-1:])
        raise ForkctlError(text.removeprefix("forkctl: "), where=str(checkpoint))
    click.echo(str(target))
    return 0
