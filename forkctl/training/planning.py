"""Put a run together and make every check on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forkctl import checks
from forkctl.checks import Check
from forkctl.configs import Config
from forkctl.environments.environment import Environment
from forkctl.environments.proving import Answer, ask, check_origins
from forkctl.errors import ForkctlError
from forkctl.family import DataForm, Place
from forkctl.forks.workspace import Workspace
from forkctl.training import preflight, records
from forkctl.training.data import fingerprint
from forkctl.training.resolving import Resolved
from forkctl.training.validation import validate_config

Say = Callable[[str], None]


@dataclass(frozen=True)
class RunPlan:
    """What will run, and what the checks found. `environment` and `answer` are None where a dry run
    found that the environment has still to be made."""

    resolved: Resolved
    folder: Path
    rendered: Config
    environment: Environment | None
    answer: Answer | None  # what the environment said of itself
    changes: tuple[str, ...]  # to the fork's tree
    fingerprint: str
    checks: tuple[Check, ...]


@contextmanager
def planned_run(
    workspace: Workspace, resolved: Resolved, *, dry: bool, say: Say
) -> Iterator[RunPlan]:
    """The plan of a run, in its own folder; the folder goes where nothing came to run in it."""
    folder = (
        Path(tempfile.mkdtemp(prefix="forkctl-"))
        if dry
        else records.new_folder(workspace.root, resolved.fork.name, resolved.name)
    )
    try:
        yield _planned(workspace, resolved, folder, dry, say)
    finally:
        if not (folder / records.FILE).exists():
            records.remove_folder(folder)


def _planned(
    workspace: Workspace, resolved: Resolved, folder: Path, dry: bool, say: Say
) -> RunPlan:
    request, launcher, tree = resolved.request, resolved.launcher, resolved.tree
    wait = dry or tree.behind is not None  # gigabytes are not installed for a run that cannot be
    selection = resolved.selection
    environment = selection.environment if wait else selection.made(say)
    say("checking the fork, its environment, the data and the config")
    changes = tree.changes()
    marks = fingerprint(resolved.files)
    found = [
        *resolved.checks,
        *_caught("fork", lambda: preflight.check_fork(tree, changes, request.allow_dirty)),
    ]
    answer, said = _environment(resolved, environment)
    found += said
    if launcher.data_form is not DataForm.NONE:
        found += _caught("data", lambda: _data(resolved, marks))
    rendered = resolved.rendered(folder)
    place = Place(tree.path, environment) if environment else None
    if environment is not None and launcher.validator is not None:
        made = environment
        found += _caught("config", lambda: validate_config(launcher, rendered, made, tree.path))
    found += _caught("config", lambda: launcher.checks(rendered, resolved.files, place))
    if resolved.checkpoint is not None and launcher.transfers:
        found += _caught("checkpoint", lambda: _checkpoint(resolved, rendered, environment))
    needed = launcher.bytes_written(rendered)
    found += _caught("disk", lambda: preflight.check_disk(workspace.root, needed))
    return RunPlan(resolved, folder, rendered, environment, answer, changes, marks, tuple(found))


def _caught(subject: str, check: Callable[[], Iterable[Check]]) -> list[Check]:
    try:
        return list(check())
    except ForkctlError as error:
        return [checks.from_error(subject, error)]


def _environment(
    resolved: Resolved, environment: Environment | None
) -> tuple[Answer | None, list[Check]]:
    if environment is None:
        text = f"not made yet (profile {resolved.selection.profile})"
        hint = f"forkctl env create {resolved.fork.name}"
        return None, [checks.warning("environment", text, hint)]
    tree = resolved.tree.path
    try:
        answer = ask(environment, tree, resolved.launcher.packages)
    except ForkctlError as error:
        return None, [checks.from_error("environment", error)]
    which = environment.profile or environment.prefix
    said = checks.ok("environment", f"{which}, Python {answer.python}")
    return answer, [said, *check_origins(answer, tree)]


def _data(resolved: Resolved, marks: str) -> list[Check]:
    if resolved.request.any_data:
        return [checks.ok("data", f"{resolved.files[0]}, not checked (--any-data)")]
    return preflight.check_data(resolved.files, marks)


def _checkpoint(
    resolved: Resolved, rendered: Config, environment: Environment | None
) -> list[Check]:
    from forkctl.checkpoints.contents import open_checkpoint

    assert resolved.checkpoint is not None
    opened = open_checkpoint(resolved.checkpoint)
    found = [checks.ok("checkpoint", f"{resolved.checkpoint.name}: {len(opened.nets)} tensors")]
    found += resolved.launcher.checkpoint_checks(opened, rendered)
    if environment is not None:
        found += preflight.plan_checkpoint(
            resolved.launcher, resolved.checkpoint, rendered, environment, resolved.tree.path
        )
    return found
