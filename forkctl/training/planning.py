"""Put a run together: fork, config, data, environment, checkpoint, and every check on them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from forkctl import checks as findings
from forkctl import configs
from forkctl.checks import Finding
from forkctl.configs import Config
from forkctl.environments.environment import Environment
from forkctl.environments.proving import ask, check_origins
from forkctl.environments.selecting import Selection, select
from forkctl.errors import ForkctlError
from forkctl.family import Launcher, Place, RunInputs, launcher_for
from forkctl.forks import manifest
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import ForkTree, entrypoint, open_fork_tree
from forkctl.training import preflight
from forkctl.training.data import files_at, fingerprint, ready_file
from forkctl.training.validation import validate_config

Say = Callable[[str], None]


@dataclass(frozen=True)
class RunRequest:
    """The words of `forkctl run`."""

    fork: str
    config: Path
    data: Path | None = None
    checkpoint: Path | None = None
    settings: tuple[str, ...] = ()
    steps: int | None = None
    profile: str | None = None
    environment: str | None = None
    name: str | None = None
    allow_dirty: bool = False
    any_data: bool = False
    upstream_arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunPlan:
    """What will run. `environment` is None where a dry run found that it has to be made."""

    request: RunRequest
    tree: ForkTree
    launcher: Launcher
    selection: Selection
    environment: Environment | None
    config: Config  # resolved, but not yet given its run's folder
    words: tuple[str, ...]  # for the entrypoint, as they are
    files: tuple[Path, ...]
    fingerprint: str
    checkpoint: Path | None
    findings: tuple[Finding, ...]

    @property
    def fork(self) -> Fork:
        return self.tree.fork

    @property
    def script(self) -> Path:
        return self.tree.path / entrypoint(self.fork).file

    @property
    def name(self) -> str:
        return self.request.name or self.launcher.name_of(self.config) or self.request.config.stem

    @property
    def place(self) -> Place | None:
        return Place(self.tree.path, self.environment) if self.environment else None

    def render(self, folder: Path) -> Config:
        # data that is not LIBERO's is one file (see plan_run), and goes to upstream as it is
        data = self.files[0]
        if self.launcher.wants_one_file and not self.request.any_data:
            data = ready_file(self.files, folder)
        return self._rendered(folder, data)

    def _rendered(self, folder: Path, data: Path) -> Config:
        inputs = RunInputs(self.name, folder, data, self.request.steps, self.files)
        return self.launcher.rendered(self.config, inputs)

    def shown_command(self) -> list[str]:
        """The command as a dry run shows it."""
        python = self.environment.python if self.environment else Path("python")
        folder = Path("RUN")
        return self.command(python, self._rendered(folder, self.files[0]), folder / "config.json")

    def command(self, python: Path, rendered: Config, config_path: Path) -> list[str]:
        return [
            str(python),
            *self.launcher.wrapper(rendered),
            str(self.script),
            *self.launcher.arguments(rendered, config_path, resume=False),
            *self.words,
        ]


def plan_run(workspace: Workspace, request: RunRequest, *, dry: bool, say: Say) -> RunPlan:
    """Resolve what the request names (which may raise), then run all checks (which do not)."""
    fork = manifest.load(workspace.manifest).fork(request.fork)
    launcher = launcher_for(entrypoint(fork).kind)
    adopted = launcher.adopt(resolve_config(launcher, request), request.upstream_arguments)
    config = adopted.config
    files = tuple(
        file
        for place in launcher.data_of(config)
        for file in files_at(Path(place).expanduser(), _suite(request, launcher))
    )
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
    tree = open_fork_tree(workspace, fork)
    selection = select(workspace, fork, request.profile, request.environment)
    given = launcher.checkpoint_of(config)
    wait = dry or tree.behind is not None  # gigabytes are not installed for a run that cannot be
    plan = RunPlan(
        request=request,
        tree=tree,
        launcher=launcher,
        selection=selection,
        environment=selection.environment if wait else selection.made(say),
        config=config,
        words=adopted.words,
        files=files,
        fingerprint=fingerprint(files),
        checkpoint=Path(given).expanduser() if given else None,
        findings=adopted.findings,
    )
    return _checked(plan, workspace, say)


def resolve_config(launcher: Launcher, request: RunRequest) -> Config:
    """The config with --data, --ckpt and --set in it, and no ${VARIABLE} left."""
    config = configs.read_config(request.config)
    if request.data is not None:
        config = launcher.with_data(config, [str(request.data.expanduser().absolute())])
    if request.checkpoint is not None:
        path = request.checkpoint.expanduser().absolute()
        config = launcher.with_checkpoint(config, str(path))
    config = configs.with_settings(config, request.settings)
    return configs.resolved(config, {}, str(request.config))


def _suite(request: RunRequest, launcher: Launcher) -> str | None:
    """The suite's folder, as the config names it: --data may point at the folder above it."""
    written = launcher.data_of(configs.read_config(request.config))
    return Path(written[0]).name if written else None


def _checked(plan: RunPlan, workspace: Workspace, say: Say) -> RunPlan:
    say("checking the fork, its environment, the data and the config")
    found = [
        *plan.findings,
        *_caught("fork", lambda: preflight.check_fork(plan.tree, plan.request.allow_dirty)),
        *_caught("environment", lambda: _environment(plan)),
        *_caught("data", lambda: _data(plan)),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        rendered = plan.render(Path(scratch))
        found += _caught("config", lambda: _config(plan, rendered))
        found += _caught("config", lambda: plan.launcher.checks(rendered, plan.files, plan.place))
        if plan.checkpoint is not None and plan.launcher.transfers:
            found += _caught("checkpoint", lambda: _checkpoint(plan, rendered))
        needed = plan.launcher.bytes_written(rendered)
        found += _caught("disk", lambda: preflight.check_disk(workspace.root, needed))
    return RunPlan(**{**plan.__dict__, "findings": tuple(found)})


def _caught(subject: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except ForkctlError as error:
        return [findings.from_error(subject, error)]


def _environment(plan: RunPlan) -> list[Finding]:
    if plan.environment is None:
        text = f"not made yet (profile {plan.selection.profile})"
        return [findings.warning("environment", text, f"forkctl env create {plan.fork.name}")]
    answer = ask(plan.environment, plan.tree.path, plan.launcher.packages)
    which = plan.environment.profile or plan.environment.prefix
    return [
        findings.ok("environment", f"{which}, Python {answer.python}"),
        *check_origins(answer, plan.tree.path),
    ]


def _data(plan: RunPlan) -> list[Finding]:
    if plan.request.any_data:
        return [findings.ok("data", f"{plan.files[0]}, not checked (--any-data)")]
    return preflight.check_data(plan.files, plan.fingerprint)


def _config(plan: RunPlan, rendered: Config) -> list[Finding]:
    if plan.environment is None:
        return []
    return validate_config(plan.launcher, rendered, plan.environment, plan.tree.path)


def _checkpoint(plan: RunPlan, rendered: Config) -> list[Finding]:
    assert plan.checkpoint is not None
    found = preflight.check_checkpoint(plan.checkpoint, rendered)
    if plan.environment is not None:
        found += preflight.plan_checkpoint(
            plan.launcher, plan.checkpoint, rendered, plan.environment, plan.tree.path
        )
    return found
