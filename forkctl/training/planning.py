"""Put a run together and make every check on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forkctl import checks
from forkctl.checks import Check
from forkctl.configs import Config
from forkctl.environments.binding import Place, bind
from forkctl.environments.locks import base_of
from forkctl.environments.process_group import interrupted_by_signals
from forkctl.environments.proving import Answer, ask, check_imports, check_origins
from forkctl.environments.selecting import not_made
from forkctl.errors import ForkctlError
from forkctl.family import DataForm
from forkctl.forks.hashes import fingerprint
from forkctl.forks.workspace import Workspace
from forkctl.scratch import scratch_folder
from forkctl.training import preflight, records
from forkctl.training.command import command_of
from forkctl.training.resolving import Resolved
from forkctl.training.secrets import masked
from forkctl.training.validation import validate_config

Say = Callable[[str], None]


@dataclass(frozen=True)
class RunPlan:
    """What will run, and what the checks found. `place` and `answer` are None where a dry run found
    that the environment has still to be made."""

    resolved: Resolved
    folder: Path
    rendered: Config
    place: Place | None
    answer: Answer | None  # what the environment said of itself
    changes: tuple[str, ...]  # to the fork's tree
    fingerprint: str
    checks: tuple[Check, ...]

    @property
    def command(self) -> tuple[str, ...]:
        resolved = self.resolved
        python = str(self.place.environment.python) if self.place else "python"
        path = self.folder / records.CONFIG
        words = resolved.words
        return command_of(resolved.launcher, python, resolved.tree, self.rendered, path, words)

    @property
    def shown_command(self) -> tuple[str, ...]:
        """As a dry run shows it: there is no folder of the run."""
        return masked(word.replace(str(self.folder), "RUN") for word in self.command)


@contextmanager
def planned_run(
    workspace: Workspace, resolved: Resolved, *, dry: bool, say: Say
) -> Iterator[RunPlan]:
    """The plan of a run, in its own folder; the folder goes where nothing came to run in it."""
    with interrupted_by_signals(), _folder(workspace, resolved, dry) as folder:
        yield _planned(workspace, resolved, folder, dry, say)


@contextmanager
def _folder(workspace: Workspace, resolved: Resolved, dry: bool) -> Iterator[Path]:
    if dry:
        with scratch_folder() as scratch:
            yield scratch
        return
    folder = records.new_folder(workspace.root, resolved.fork.name, resolved.name)
    try:
        yield folder
    finally:
        if not (folder / records.FILE).exists():
            records.remove_folder(folder)


def _planned(
    workspace: Workspace, resolved: Resolved, folder: Path, dry: bool, say: Say
) -> RunPlan:
    request, launcher, tree = resolved.request, resolved.launcher, resolved.tree
    marks = fingerprint(resolved.files)
    rendered = resolved.rendered(folder)
    wait = dry or tree.behind is not None  # gigabytes are not installed for a run that cannot be
    selection = resolved.selection
    environment = selection.environment if wait else selection.made(say)
    place = bind(tree, environment) if environment else None
    say("checking the fork, its environment, the data and the config")
    changes = tree.changes()
    found = [
        *resolved.checks,
        *_caught("fork", lambda: preflight.check_fork(tree, changes, request.allow_dirty)),
    ]
    answer, said = _environment(resolved, place, launcher.processes_of(rendered))
    found += said
    if launcher.data_form is not DataForm.NONE:
        found += _caught("data", lambda: _data(resolved, marks))
    if place is not None:
        here = place
        found += _caught("config", lambda: validate_config(launcher, rendered, here))
    found += _caught("config", lambda: launcher.checks(rendered, resolved.files, place))
    given = resolved.checkpoint
    if given is not None and launcher.transfers:
        found += _caught("checkpoint", lambda: _checkpoint(resolved, rendered, place))
    elif given is not None and launcher.plain_weights:
        found += _caught("checkpoint", lambda: preflight.check_weights(given))
    needed = launcher.bytes_written(rendered)
    found += _caught("disk", lambda: preflight.check_disk(workspace.root, needed))
    return RunPlan(resolved, folder, rendered, place, answer, changes, marks, tuple(found))


def _caught(subject: str, check: Callable[[], Iterable[Check]]) -> list[Check]:
    try:
        return list(check())
    except ForkctlError as error:
        return [checks.from_error(subject, error)]


def _environment(
    resolved: Resolved, place: Place | None, processes: int
) -> tuple[Answer | None, list[Check]]:
    launcher, selection = resolved.launcher, resolved.selection
    if place is None:
        return None, [checks.warning("environment", *not_made(selection, resolved.fork.name))]
    modules = launcher.modules if launcher.checks_imports else ()
    try:
        answer = ask(place, launcher.packages, modules, gpus=base_of(selection.profile) == "cuda")
    except ForkctlError as error:
        return None, [checks.from_error("environment", error)]
    which = place.environment.profile or place.environment.prefix
    said = checks.ok("environment", f"{which}, Python {answer.python}")
    said_of_gpus = preflight.check_gpus(answer.gpus, processes, resolved.fork.name)
    return answer, [
        said,
        *said_of_gpus,
        *check_origins(answer, place.tree),
        *check_imports(answer, modules),
    ]


def _data(resolved: Resolved, marks: str) -> list[Check]:
    if resolved.request.any_data:
        return [checks.ok("data", f"{resolved.files[0]}, not checked (--any-data)")]
    return preflight.check_data(resolved.files, marks)


def _checkpoint(resolved: Resolved, rendered: Config, place: Place | None) -> list[Check]:
    from forkctl.checkpoints.contents import open_checkpoint, require_undamaged

    assert resolved.checkpoint is not None
    opened = open_checkpoint(resolved.checkpoint)
    require_undamaged(resolved.checkpoint)
    found = [checks.ok("checkpoint", f"{resolved.checkpoint.name}: {len(opened.nets)} tensors")]
    found += resolved.launcher.checkpoint_checks(opened, rendered)
    if place is not None:
        found += preflight.plan_checkpoint(resolved.launcher, opened, rendered, place)
    return found
