"""Run records: `runs/<fork>/<name>-<time>/`, one folder for each run, nothing written elsewhere.

run.json        what ran: tree, patches, environment, data, checkpoint, config, command, outcome
config.json     the native config as the entrypoint got it
log.txt         everything that it printed
metrics.jsonl   see forkctl/training/metrics.py
changes.diff    the user's changes to the fork's tree, if running with them was allowed
upstream/       upstream's own output folder
checkpoints/    links to what it saved
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from forkctl.atomic import write_atomically
from forkctl.errors import UsageError
from forkctl.reading import read_json, reason

FORMAT = 1
CONFIG = "config.json"
FILE = "run.json"  # a folder without it is not a run
RUNNING, FINISHED, FAILED, DIVERGED, INTERRUPTED, LOST = (
    "running",
    "finished",
    "failed",
    "diverged",
    "interrupted",
    "lost",
)


@dataclass(frozen=True)
class RunRecord:
    """`fork_state` names the code by pin, series and tree; the rest is what it was run on."""

    fork: str
    kind: str
    name: str
    started: str
    command: tuple[str, ...]
    cwd: str
    fork_state: dict[str, Any]
    environment: dict[str, Any]
    data: dict[str, Any]
    checkpoint: dict[str, Any] | None
    config: str
    steps: int | None
    host: str
    settings: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  # those of `command` that were handed on as they are
    status: str = RUNNING
    pid: int | None = None
    finished: str | None = None
    seconds: float | None = None
    returncode: int | None = None
    reason: str | None = None
    resumed: int = 0
    checks: dict[str, str] = field(default_factory=dict)  # what was found before the start
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    folder: Path
    record: RunRecord

    @property
    def id(self) -> str:
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def config(self) -> Path:
        return self.folder / CONFIG

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def status(self) -> str:
        """`lost`: it should run, but its process on this host is gone (a crash, a reboot)."""
        record = self.record
        here = record.host == socket.gethostname()
        gone = record.status == RUNNING and here and not _alive(record.pid)
        return LOST if gone else record.status

    def update(self, **changes: Any) -> Run:
        """Write the record with these values changed."""
        changed = Run(self.folder, replace(self.record, **changes))
        save(changed)
        return changed


_LONGEST_NAME = 100  # file systems take 255 bytes, and the time comes after it


def check_name(name: str) -> str:
    """A run's name is one folder in the workspace, and upstream makes folders of it too."""
    plain = name.isprintable() and not set(name) & set("/\\") and not name.startswith((".", "-"))
    if not name.strip() or not plain or len(name.encode()) > _LONGEST_NAME:
        raise UsageError(
            f"{name[:_LONGEST_NAME]!r} cannot be the name of a run",
            where="--name, or the config's name",
            hint=f"a name is part of a folder's: no / or \\, no . or - first, up to "
            f"{_LONGEST_NAME} bytes",
        )
    return name


def new_folder(root: Path, fork: str, name: str) -> Path:
    """A new folder for a run; two runs of one second get two folders."""
    stem = f"{check_name(name)}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    for number in range(1, 100):
        folder = root / "runs" / fork / (stem if number == 1 else f"{stem}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise UsageError("no new folder for the run", where=str(root / "runs" / fork / stem))


def remove_folder(folder: Path) -> None:
    """A folder that no run came to, and those above it that it leaves empty."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        for above in (folder.parent, folder.parent.parent):
            above.rmdir()


def save(run: Run) -> None:
    text = json.dumps({"format": FORMAT, **asdict(run.record)}, indent=2) + "\n"
    write_atomically(run.folder / FILE, text)


def load(folder: Path) -> Run:
    path = folder / FILE
    try:
        values = read_json(path)
        known = {key: value for key, value in values.items() if key in _FIELDS}
        for key in ("command", "settings", "words"):
            known[key] = tuple(known.get(key, ()))
        return Run(folder, RunRecord(**known))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"cannot read the run's record: {reason(error)}", where=str(path)
        ) from None


_FIELDS = frozenset(RunRecord.__dataclass_fields__)


def all_runs(root: Path, fork: str | None = None) -> Iterator[Run]:
    """Newest last. A folder without a readable record is passed over."""
    found = (root / "runs").glob(f"{fork or '*'}/*/run.json")
    for path in sorted(found, key=_started):
        with contextlib.suppress(UsageError):
            yield load(path.parent)


def find_run(root: Path, words: str) -> Run:
    """The run of this id, path, or unique part of an id; `last` is the newest."""
    if Path(words).is_dir() and (Path(words) / "run.json").is_file():
        return load(Path(words).resolve())
    runs = list(all_runs(root))
    if words == "last" and runs:
        return runs[-1]
    matching = [run for run in runs if words in (run.id, run.folder.name)]
    matching = matching or [run for run in runs if words in run.id]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise UsageError(f"there is no run {words!r}", hint="forkctl runs list")
    some = ", ".join(run.id for run in matching[-5:])
    raise UsageError(
        f"{words!r} may be any of {len(matching)} runs: {some}",
        hint="say more of its id; `forkctl runs list` shows them",
    )


def link_checkpoints(run: Run, saved: list[Path]) -> None:
    """Make checkpoints/ show what is saved now, under the names that upstream gave."""
    if saved:
        run.checkpoints.mkdir(exist_ok=True)
    for link in run.checkpoints.glob("*"):
        if link.is_symlink() and not link.exists():  # upstream keeps only the last few
            link.unlink()
    for path in saved:
        link = run.checkpoints / path.name
        if not link.is_symlink():
            with contextlib.suppress(FileExistsError):
                link.symlink_to(os.path.relpath(path, run.checkpoints))


def now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")


def _started(path: Path) -> str:
    try:
        return str(read_json(path).get("started", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
