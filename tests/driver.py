"""What tests work with: an upstream, a workspace, and a fork in its environment (a plugin).

Tests of commands type them in a `Workspace`: in this process where they can, in one of its own
where they must. Tests of what forks do ask the fork's own Python through a `Fork`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from forkctl.cli import main
from tests import ROOT
from tests.commands import note

Files = Mapping[str, str | bytes | None]

QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
IDENTITY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


def git(where: Path, *words: str, **environment: str) -> str:
    """The user's own git, in a repository of theirs."""
    done = subprocess.run(
        ["git", "-C", str(where), *words],
        env={**os.environ, **IDENTITY, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write_files(root: Path, files: Files) -> None:
    """None removes a file."""
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


class Upstream:
    """A repository that others own. Each commit is one day younger than the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.days = 0
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def git(self, *words: str) -> str:
        date = f"{1_600_000_000 + self.days * 86_400} +0000"
        return git(self.path, *words, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)

    def commit(self, files: Files, message: str = "Change") -> str:
        write_files(self.path, files)
        self.days += 1
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def entry(
    upstream: Upstream | str,
    revision: str,
    name: str = "thing",
    sparse: Sequence[str] | None = None,
    series: Sequence[str] = (),
    overlays: Sequence[str] = (),
    extra: str = "",
) -> str:
    """One fork's table in forks.toml."""
    url = upstream if isinstance(upstream, str) else upstream.url
    lines = [f"[fork.{name}]", f'git = "{url}"', f'revision = "{revision}"']
    if sparse is not None:
        lines.append(f"sparse = {list(sparse)!r}")
    lines += [f"series = {list(series)!r}", f"overlays = {list(overlays)!r}", extra]
    return "\n".join(lines) + "\n"


class Workspace:
    """A folder where forkctl is typed. `out` and `err` are what the last command of `run` said."""

    def __init__(
        self,
        root: Path,
        capsys: pytest.CaptureFixture[str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.pin = ""
        self.out, self.err = "", ""
        self._capsys = capsys
        self._variables = variables or {}
        root.mkdir(parents=True, exist_ok=True)

    def beside(self, name: str) -> Workspace:
        """Another workspace of the same test."""
        return Workspace(self.root.parent / name, self._capsys, self._variables)

    def lay_in(self, *names: str) -> None:
        """Files and folders of this repository."""
        for name in names:
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, target, ignore=ignored, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / name, target)

    def tree(self, name: str = "thing") -> Path:
        return self.root / "forks" / name

    def head(self, name: str = "thing") -> str:
        return git(self.tree(name), "rev-parse", "HEAD")

    def write(self, files: Files) -> None:
        write_files(self.root, files)

    def manifest(self, *entries: str) -> None:
        (self.root / "forks.toml").write_text("version = 1\n\n" + "\n".join(entries))

    def run(self, *words: str) -> int:
        """In this process, and so quick."""
        assert self._capsys is not None, "this workspace outlives a test: use `typed`"
        self.out, self.err = "", ""
        here = Path.cwd()
        os.chdir(self.root)
        try:
            code = main(list(words))
        finally:
            os.chdir(here)
        self.out, self.err = self._capsys.readouterr()
        return int(code)

    def ok(self, *words: str) -> str:
        code = self.run(*words)
        assert code == 0, f"{words}: exit {code}\n{self.out}\n{self.err}"
        return self.out

    def typed(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """In a process of its own, as from a shell."""
        started = self.start(*words, **environment)
        out, err = started.communicate(timeout=900)
        if started.returncode == 0:
            note(words)
        return subprocess.CompletedProcess(started.args, started.returncode, out, err)

    def said(self, *words: str) -> str:
        """What `typed` printed; it must not have failed."""
        done = self.typed(*words)
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def start(
        self, *words: str, output: int = subprocess.PIPE, **environment: str
    ) -> subprocess.Popen[str]:
        """The same, not waited for."""
        return subprocess.Popen(
            [sys.executable, "-m", "forkctl", *words],
            cwd=self.root,
            env={**self.variables, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            preexec_fn=hear_interrupts,
        )

    @property
    def variables(self) -> dict[str, str]:
        return {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), **self._variables}


def hear_interrupts() -> None:
    """A shell gives its background jobs, and so perhaps the test run, an ignored SIGINT, which
    children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Fork:
    """A fork's applied tree and the Python that runs it."""

    workspace: Workspace
    name: str
    python: Path
    scripts: Path  # the folder of its probes
    known: Mapping[str, Any] = field(default_factory=dict)  # what every probe is told

    @property
    def tree(self) -> Path:
        return self.workspace.tree(self.name)

    @property
    def home(self) -> Path:
        """Where its scripts start: the simulator has no tree."""
        return self.tree if self.tree.exists() else self.workspace.root

    @property
    def prefix(self) -> str:
        """The environment, for `--env`."""
        return str(self.python.parent.parent)

    @property
    def variables(self) -> dict[str, str]:
        """As a run binds the environment to the tree."""
        path = os.pathsep.join([str(self.tree), str(ROOT)])
        return {**self.workspace.variables, "PYTHONPATH": path}

    def start(
        self, *words: str, cwd: Path | None = None, log: IO[str] | int, **environment: str
    ) -> subprocess.Popen[str]:
        """The fork's Python, in a session of its own."""
        return subprocess.Popen(
            [str(self.python), *words],
            cwd=cwd or self.home,
            env={**self.variables, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *words: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), *words],
            cwd=cwd or self.home,
            env={**self.variables, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def says(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout.strip()

    def probe(self, script: str, **words: Any) -> Any:
        """What a script answers, in its last line, that is asked in JSON inside the fork."""
        asked = json.dumps({**self.known, **words}, default=str)
        return json.loads(self.says(str(self.scripts / f"{script}.py"), asked).splitlines()[-1])


@pytest.fixture
def make_upstream(tmp_path: Path) -> Callable[[str], Upstream]:
    return lambda name: Upstream(tmp_path / name)


@pytest.fixture
def upstream(make_upstream: Callable[[str], Upstream]) -> Upstream:
    return make_upstream("upstream")


@pytest.fixture
def make_workspace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Workspace]:
    return lambda name: Workspace(tmp_path / name, capsys)


@pytest.fixture
def workspace(make_workspace: Callable[[str], Workspace]) -> Workspace:
    return make_workspace("workspace")
