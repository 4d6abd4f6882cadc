"""What both evaluations are told of the policy."""

from __future__ import annotations

from pathlib import Path

import click

from forkctl.cli.completing import fork_names

fork_argument = click.argument("fork", required=False, shell_complete=fork_names)
ckpt_option = click.option(
    "--ckpt", type=click.Path(path_type=Path), help="Checkpoint to evaluate."
)
policy_option = click.option(
    "--policy", type=click.Path(path_type=Path), help="Python file with load(); no FORK then."
)
device_option = click.option(
    "--device", default="cpu", show_default=True, help="As torch names it: cuda:0."
)
