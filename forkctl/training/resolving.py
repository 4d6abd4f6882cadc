"""What the words of a command come to: fork, tree, config, files, checkpoint. Nothing is checked.

`run` and `ckpt plan` both begin here, so that they mean the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl import configs
from forkctl.checks import Check
from forkctl.configs import Config
from forkctl.environments.selecting import Selection, select
from forkctl.errors import ForkctlError
from forkctl.family import DataForm, Launcher, RunInputs
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import ForkTree, open_fork_tree
from forkctl.places import expanded
from forkctl.training import batches, records
from forkctl.training.data import files_at, joined_file


@dataclass(frozen=True)
class RunRequest:
    """The words of `forkctl run`."""

    config: Path
    data: Path | None = None
    checkpoint: Path | None = None
    settings: tuple[str, ...] = ()
    steps: int | None = None
    processes: int | None = None
    profile: str | None = None
    environment: str | None = None
    name: str | None = None
    allow_dirty: bool = False
    any_data: bool = False
    upstream_arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """`config` has no ${VARIABLE} left, but does not know its run's folder yet."""

    request: RunRequest
    tree: ForkTree
    launcher: Launcher
    selection: Selection
    config: Config
    words: tuple[str, ...]  # for the entrypoint, as they are
    files: tuple[Path, ...]
    checkpoint: Path | None
    checks: tuple[Check, ...]  # what was understood otherwise than it was written

    @property
    def fork(self) -> Fork:
        return self.tree.fork

    @property
    def name(self) -> str:
        given = self.request.name or self.launcher.name_of(self.config)
        return records.check_name(given or self.request.config.stem)

    def rendered(self, folder: Path) -> Config:
        """The config as the entrypoint gets it in this folder, with what it reads beside it."""
        files = self.files
        if self.launcher.data_form is DataForm.ONE_FILE and not self.request.any_data:
            files = (joined_file(files, folder),)
        inputs = RunInputs(self.name, folder, files, self.request.steps)
        return self.launcher.rendered(self.config, inputs)


def resolve(workspace: Workspace, fork: Fork, launcher: Launcher, request: RunRequest) -> Resolved:
    written = launcher.read(request.config)
    adopted = launcher.adopt(_filled_in(written, launcher, request), request.upstream_arguments)
    given = launcher.checkpoint_of(adopted.config)
    return Resolved(
        request=request,
        tree=open_fork_tree(workspace, fork),
        launcher=launcher,
        selection=select(workspace, fork, request.profile, request.environment),
        config=adopted.config,
        words=adopted.words,
        files=_files(launcher, adopted.config, launcher.data_of(written), request),
        checkpoint=expanded(Path(given)) if given else None,
        checks=(*adopted.checks, *batches.check_batch(launcher, written, adopted.config)),
    )


def _filled_in(config: Config, launcher: Launcher, request: RunRequest) -> Config:
    """The config with --data, --ckpt, --gpus and --set in it, and no ${VARIABLE} left."""
    if request.data is not None:
        config = launcher.with_data(config, [str(expanded(request.data).absolute())])
    if request.checkpoint is not None:
        path = expanded(request.checkpoint).absolute()
        config = launcher.with_checkpoint(config, str(path))
    if request.processes is not None:
        config = batches.with_processes(launcher, config, request.processes)
    config = configs.with_settings(config, request.settings)
    if not launcher.fills_variables:
        return config
    return configs.resolved(config, {}, str(request.config))


def _files(
    launcher: Launcher, config: Config, written: tuple[str, ...], request: RunRequest
) -> tuple[Path, ...]:
    """The data files. --data may point at the folder above the suite's, as the config names it."""
    if launcher.data_form is DataForm.NONE:
        return ()
    suite = Path(written[0]).name if written else None
    places = [expanded(Path(place)) for place in launcher.data_of(config)]
    files = tuple(file for place in places for file in files_at(place, suite))
    if not files:
        raise ForkctlError(
            "the config names no data", where=str(request.config), hint="--data PATH"
        )
    if request.any_data and len(files) != 1:
        raise ForkctlError(
            f"{len(files)} files, and only LIBERO's are joined by forkctl",
            where=str(request.config),
            hint="with --any-data name one HDF5 file",
        )
    return files
