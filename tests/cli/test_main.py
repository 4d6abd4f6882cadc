"""The command line as a person meets it: help, version, and the form of every error."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from forkctl import __version__, cli
from forkctl.errors import ForkctlError, UsageError
from forkctl.escaping import escaped
from tests import ROOT
from tests.checkpoints.torch_files import write_safetensors
from tests.driver import Upstream, Workspace, entry, hear_interrupts


def forkctl(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "forkctl", *args], capture_output=True, text=True, cwd=cwd
    )


def test_version_is_printed() -> None:
    done = forkctl("--version")
    assert done.returncode == 0
    assert __version__ in done.stdout


def test_help_lists_every_command_without_importing_any() -> None:
    code = (
        "import sys; from forkctl.cli import main; main(['--help']);"
        "slow = {'numpy', 'h5py', 'yaml', 'rich', 'git', 'torch', 'cv2'};"
        "heavy = [m for m in sys.modules"
        " if m.split('.')[0] in slow or m.startswith('forkctl.cli.')];"
        "print('IMPORTED', heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "IMPORTED []" in done.stdout
    for name in cli.COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_listed_command_exists_and_explains_itself(name: str) -> None:
    done = forkctl(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: forkctl " + name in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("synk",), "error: forkctl: no such command 'synk'\nhint:  forkctl --help\n"),
        (("runs", "show"), "error: forkctl runs show: missing argument 'RUN'\n"),
        (("sync", "--nope"), "error: forkctl sync: no such option '--nope'\n"),
        (("data", "synth", "libero_10", "--demos", "x"), "invalid value for '--demos'"),
    ],
)
def test_words_that_are_not_taken_are_told_in_the_same_form(
    words: tuple[str, ...], said: str
) -> None:
    done = forkctl(*words)
    assert done.returncode == 2
    assert said in done.stderr.replace("option: --nope", "option '--nope'")
    assert done.stderr.endswith(" --help\n")
    assert done.stdout == ""


def test_a_group_alone_shows_what_it_has() -> None:
    done = forkctl("data")
    assert done.returncode == 2
    assert "validate" in done.stderr
    assert "error" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ForkctlError("it is dirty", where="forks/x", hint="commit it"), 1),
        (UsageError("bad key", where="forks.toml:3", hint="use `git`"), 2),
        (ForkctlError("it is no HDF5", where="a.hdf5", hint="fetch it"), 1),
        (KeyboardInterrupt(), 130),
        (RuntimeError("bug"), 3),
    ],
)
def test_errors_have_one_form_and_their_own_exit_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setitem(cli.root.commands, "fail", fail)
    monkeypatch.setattr(cli.root, "get_command", lambda ctx, name: fail)
    assert cli.main(["fail"]) == code
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    if isinstance(error, (ForkctlError, ForkctlError)):
        assert f"{error.where}: {error.message}" in printed
        assert str(error.hint) in printed
    if code == 3:
        log = Path(printed.strip().rsplit(": ", 1)[1])
        assert "RuntimeError: bug" in log.read_text()
        log.unlink()


def all_commands() -> Iterator[tuple[str, click.Command]]:
    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                assert found is not None
                yield from below(f"{name} {each}", found)

    return below("forkctl", cli.root)


@pytest.mark.parametrize(("name", "command"), list(all_commands()), ids=lambda each: str(each))
def test_every_option_is_explained_and_no_summary_is_cut(name: str, command: click.Command) -> None:
    if isinstance(command, click.Group):
        text = command.get_help(click.Context(command, info_name=name))
        assert "..." not in text.partition("[ARGS]...")[2], text
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.opts for option in options if not option.help] == []
    assert command.help, "says nothing about itself"


def test_every_command_has_its_section() -> None:
    placed = [name for names in cli.SECTIONS.values() for name in names]
    assert len(placed) == len(set(placed))
    assert set(cli.COMMANDS) <= set(placed)


SLOW_IMPORT = "import pathlib, time; pathlib.Path('importing').touch(); time.sleep(60)\n"


def test_an_interrupt_while_modules_are_imported_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(SLOW_IMPORT)
    started = subprocess.Popen(
        [sys.executable, "-m", "forkctl", "sync"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    while not (tmp_path / "importing").exists():
        assert started.poll() is None
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate()
    assert started.returncode == 130
    assert said == "Interrupted. Run the same command again to finish the work.\n"


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os, sys; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); "
    code += "from forkctl.cli import main; sys.exit(main(['sync']))"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the folder that you are in has been deleted\nhint:")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
def test_what_the_shell_closed_is_not_missed(closed: str) -> None:
    command = f"{sys.executable} -m forkctl doctor {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["apply", "status", "check", "diff thing", "save thing"])
def test_without_git_it_says_so(
    workspace: Workspace,
    upstream: Upstream,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace.write({"overlays/mine/a.txt": "a"})
    workspace.manifest(entry(upstream, upstream.commit({"b": "b"}), overlays=["mine"]))
    workspace.ok("sync")
    monkeypatch.setenv("PATH", "/nowhere")
    assert workspace.run(*command.split()) == 1
    assert "git: not found in any folder of PATH\nhint:  install git" in workspace.err


def test_names_that_are_no_text_are_printed_all_the_same(
    workspace: Workspace, upstream: Upstream
) -> None:
    """To an output that takes UTF-8 alone. In JSON they are escaped as JSON does it."""
    workspace.manifest(entry(upstream, upstream.commit({"b": "b"})))
    workspace.ok("sync")
    name = os.fsdecode(b"caf\xe9\n.py")
    (workspace.tree() / name).touch()
    said = workspace.typed("status", "--json", PYTHONIOENCODING="utf-8:strict").stdout
    assert json.loads(said)[0]["untracked"] == [name]


STEERING = "\x1b]0;title\x07 \x1b[2J \x1b[8m \x1b[1;8m \u202ecod.exe \x9b1m \x08"


def test_what_strangers_wrote_is_shown_and_not_obeyed() -> None:
    shown = escaped(STEERING)
    assert shown.isprintable()
    assert r"\x1b]0;title\x07" in shown and r"\u202ecod.exe" in shown
    ours = "\x1b[31mred\x1b[0m\x1b[1;35mpink\x1b[38;2;1;8;3;48;5;8mframe\x1b[m\tgrößer\n50 %\r"
    assert escaped(ours) == ours


def test_a_terminal_gets_it_escaped(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "a.safetensors", {f"nets.{STEERING}": (1,)})
    words = [sys.executable, "-m", "forkctl", "ckpt", "inspect", str(path), "--tensors"]
    ours, theirs = pty.openpty()
    done = subprocess.run(words, stdout=theirs)
    os.close(theirs)
    seen = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0
    assert r"\x1b[2J" in seen and "\x1b[2J" not in seen


def test_errors_are_escaped_wherever_they_go(
    workspace: Workspace,
) -> None:
    assert workspace.run("ckpt", "inspect", f"{STEERING}.pth") == 1
    assert r"\x1b[2J" in workspace.err and "\x1b[2J" not in workspace.err
