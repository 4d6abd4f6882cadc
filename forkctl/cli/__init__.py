"""The command line: parse, call, print. No logic lives here.

Each command is a module that is imported when it is used, because a no-op `forkctl sync` should
not pay for the imports of `forkctl data stats`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence

import click

from forkctl import __version__
from forkctl.errors import ExitCode, ForkctlError

# name -> (module, attribute, one line of help). The help stands here so that `forkctl --help`
# need not import the commands.
Commands = dict[str, tuple[str, str, str]]
COMMANDS: Commands = {
    "init": ("forkctl.cli.init", "init", "Start a workspace with the shipped forks."),
    "sync": ("forkctl.cli.sync", "sync", "Fetch pinned revisions and lay out forks/<name>."),
    "apply": ("forkctl.cli.apply", "apply", "Put overlays and patches on the pinned revision."),
    "status": ("forkctl.cli.status", "status", "Show how each fork stands and what to type next."),
    "check": ("forkctl.cli.check", "check", "Prove that patches, lock and entrypoints hold."),
    "drift": ("forkctl.cli.drift", "drift", "Try every patch on every upstream version."),
    "patches": ("forkctl.cli.patches", "patches", "List the patches of a series."),
    "diff": ("forkctl.cli.applied", "diff", "Show what the series, or one patch, changes."),
    "which": ("forkctl.cli.which", "which", "Find the inputs that made a commit or tree."),
    "export": ("forkctl.cli.applied", "export", "Write the series as git format-patch files."),
    "save": ("forkctl.cli.save", "save", "Turn your own commits into patches."),
    "clean": ("forkctl.cli.clean", "clean", "Remove what forkctl made, never your changes."),
    "bundle": ("forkctl.cli.bundle", "bundle", "Carry pins to a machine without network."),
    "doctor": ("forkctl.cli.doctor", "doctor", "Check git, cache, disk, uv, Python and GPU."),
    "data": ("forkctl.cli.data", "data", "Inspect, check, measure, make LIBERO data."),
    "demos": ("forkctl.cli.demos", "demos", "Make LIBERO demonstrations in the simulator."),
    "env": ("forkctl.cli.env", "env", "Create and check each fork's environment."),
    "config": ("forkctl.cli.config", "config", "Generate an upstream's native config."),
    "ckpt": ("forkctl.cli.ckpt", "ckpt", "Inspect a checkpoint, plan a transfer."),
    "run": ("forkctl.cli.run", "run", "Run a fork's own training entrypoint."),
    "runs": ("forkctl.cli.runs", "runs", "List, show, plot and compare runs."),
    "eval": ("forkctl.cli.eval", "evaluation", "Evaluate a policy: held-out demos, simulator."),
}

# How `forkctl --help` groups them.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Forks": ("init", "sync", "apply", "status", "clean", "bundle", "doctor"),
    "Patches": ("check", "drift", "patches", "diff", "which", "export", "save"),
    "Data": ("data", "demos"),
    "Training and evaluation": ("env", "config", "ckpt", "run", "runs", "eval"),
}


class LazyGroup(click.Group):
    """A click group whose commands are imported when they are called."""

    def __init__(
        self,
        *args: object,
        table: Commands,
        sections: dict[str, tuple[str, ...]] | None = None,
        more: Callable[[], Commands] | None = None,
        **kw: object,
    ) -> None:
        """`more` is asked for the commands that stand in no table of ours, when one is wanted."""
        super().__init__(*args, **kw)  # type: ignore[arg-type]
        self._ours = table
        self._sections = sections
        self._more = more

    @property
    def table(self) -> Commands:
        return {**self._ours, **(self._more() if self._more else {})}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._ours.get(cmd_name) or self.table.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry[0]), entry[1])
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        table = self.table
        width = max(map(len, table))
        for title, names in (self._sections or {"Commands": tuple(table)}).items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", table[name][2]) for name in names])


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    sections=SECTIONS,
    epilog="Start with `forkctl init`, then `forkctl sync && forkctl apply`. `forkctl status` says "
    "what to type next.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="forkctl")
def root() -> None:
    """Keep forks as pinned revision + patches + overlays, and train them on checked LIBERO data."""


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error is printed in one form."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
    if hasattr(sys.stdout, "reconfigure"):  # a path, or what others wrote, need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stdout.isatty():
        from forkctl.escaping import Escaping

        sys.stdout = Escaping(sys.stdout)
    try:
        result = root.main(args=list(argv), prog_name="forkctl", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:  # `forkctl data` shows what there is
        error.show()
        return int(ExitCode.USAGE)
    except click.ClickException as error:
        print_error(_of_click(error))
        return int(ExitCode.USAGE)
    except ForkctlError as error:
        print_error(error)
        return int(error.exit_code)
    except OSError as error:
        if error.errno is None:  # of a library, not of the system
            return _crashed(argv, error)
        print_error(_of_system(error))
        return int(ExitCode.USER_MUST_ACT)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. Run the same command again to finish the work.", err=True)
        return int(ExitCode.INTERRUPTED)
    except Exception as error:
        return _crashed(argv, error)
    return result if isinstance(result, int) else int(ExitCode.DONE)


def _crashed(argv: Sequence[str], error: Exception) -> int:
    """A bug of ours: say so, and leave a log that can be pasted."""
    from forkctl.cli.crash import write_crash_log

    click.echo(
        f"forkctl failed in a way it should not: {error!r}\n"
        f"The log to paste into a report: {write_crash_log(argv, error)}",
        err=True,
    )
    return int(ExitCode.BUG)


def _of_system(error: OSError) -> ForkctlError:
    """What the disk or a path says no to, wherever it was."""
    try:
        os.getcwd()  # noqa: PTH109 (the same, without an import)
    except FileNotFoundError:
        return ForkctlError(
            "the folder that you are in has been deleted", hint="change into one that is there"
        )
    reason, where = (error.strerror or str(error)).strip(), error.filename
    if "error message = " in reason:  # HDF5 tells all that it knows, in one breath
        file = reason.partition("filename = '")[2].partition("'")[0]
        reason, where = os.strerror(error.errno or 0), file.rpartition("/")[0]
    return ForkctlError(
        reason[:1].lower() + reason[1:],
        where=str(where or "forkctl"),
        hint="check the path, its permissions, and the space on the disk (forkctl doctor)",
    )


def _of_click(error: click.ClickException) -> ForkctlError:
    """Words that click does not take, in the form of all other errors."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "forkctl"
    message = error.format_message().strip().rstrip(".")
    return ForkctlError(message[:1].lower() + message[1:], where=command, hint=f"{command} --help")


def print_error(error: ForkctlError) -> None:
    from forkctl.escaping import escaped

    place = f"{error.where}: " if error.where else ""
    click.echo(
        click.style("error: ", fg="red", bold=True) + escaped(place + error.message), err=True
    )
    if error.hint:
        click.echo(click.style("hint:  ", fg="cyan") + escaped(error.hint), err=True)
