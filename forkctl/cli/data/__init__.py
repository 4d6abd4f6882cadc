"""`forkctl data`: look at LIBERO data, check it, measure it, make it.

The commands are imported when they are used: `forkctl data --help` needs neither numpy nor h5py.
"""

from __future__ import annotations

import click

from forkctl.cli import Commands, LazyGroup

COMMANDS: Commands = {
    "inspect": ("forkctl.cli.data.inspect", "inspect", "Show a file: tree, plots, frames."),
    "validate": (
        "forkctl.cli.data.validate",
        "validate",
        "Check files, and say what breaks and why.",
    ),
    "stats": ("forkctl.cli.data.stats", "stats", "Measure actions and states."),
    "index": ("forkctl.cli.data.index", "index", "Cache where everything is, for quick loading."),
    "merge": ("forkctl.cli.data.merge", "merge", "Join files into one HDF5 of links."),
    "convert": (
        "forkctl.cli.data.convert",
        "convert",
        "Resample, filter or resize, into new files.",
    ),
    "download": ("forkctl.cli.data.download", "download", "Download a suite, verified."),
    "fix": ("forkctl.cli.data.fix", "fix", "Repair what validate finds, in new files."),
    "synth": ("forkctl.cli.data.synth", "synth", "Generate LIBERO-shaped data."),
}


def family_commands() -> Commands:
    from forkctl.families.registry import commands

    return commands("data")


@click.group(cls=LazyGroup, table=COMMANDS, more=family_commands)
def data() -> None:
    """Look at LIBERO data, check it, measure it, make it."""
