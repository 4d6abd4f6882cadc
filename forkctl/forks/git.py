"""Run git so that nothing on the machine can change the result.

There are two ways. `local` commands see only the repository's configuration and ours, and no
`GIT_*` variables. `network` commands also see the user's configuration, because insteadOf rules,
credentials and proxies live there, but none of the variables that would point git at another
repository.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from forkctl.errors import ForkctlError
from forkctl.forks.paths import redacted
from forkctl.forks.processes import Children, Finished

# What a network command takes from the environment: how to connect and authenticate, no more.
_NETWORK_VARIABLES = (
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_PROXY_COMMAND",
    "GIT_PROXY_SSL_",
    "GIT_SSH",
    "GIT_SSL_",
)
_NETWORK_INJECTED_CONFIG = ("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")

_PROTECTING_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.autocrlf=false",
    "core.eol=lf",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    # Only these transports: others start programs, and may be named by an address or a mirror.
    "protocol.allow=never",
    *(f"protocol.{name}.allow=always" for name in ("file", "git", "http", "https", "ssh")),
    # Large-file pointers are checked out as they are stored, whether or not git-lfs is installed.
    "filter.lfs.smudge=",
    "filter.lfs.clean=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    "advice.detachedHead=false",
)


class GitError(ForkctlError):
    """A git command failed. `stderr` is what it printed."""

    def __init__(self, command: str, finished: Finished, repository: Path) -> None:
        self.stderr = finished.stderr
        why = reason_in(finished.stderr, finished.returncode)
        super().__init__(f"git {command} failed: {why}", where=str(repository))


def reason_in(stderr: str, returncode: int) -> str:
    """The lines of git's stderr that give the reason, without progress."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:", "ssh:"))]
    chosen = errors or lines[-3:] or [f"exit status {returncode}"]
    return redacted("; ".join(dict.fromkeys(chosen)))


class Repository(NamedTuple):
    """A repository by its path: git never searches parent directories for one."""

    git_dir: Path
    children: Children
    work_tree: Path | None = None
    start: Path | None = None  # the folder of the work tree that commands run in

    def local(
        self,
        *args: str,
        stdin: bytes = b"",
        index: Path | None = None,
        config: Sequence[str] = (),
        accept: Sequence[int] = (0,),
    ) -> bytes:
        finished = self.children.run(
            self._argv(args, config), env=self._local_env(index), cwd=self._cwd, stdin=stdin
        )
        if finished.returncode not in accept:
            raise GitError(args[0], finished, self.work_tree or self.git_dir)
        return finished.stdout

    def line(self, *args: str, index: Path | None = None) -> str:
        return self.local(*args, index=index).decode("utf-8", "surrogateescape").strip()

    def start_local(self, *args: str) -> subprocess.Popen[bytes]:
        return self.children.start(
            self._argv(args, ()),
            env=self._local_env(None),
            cwd=self._cwd,
            stderr=subprocess.DEVNULL,
        )

    def network(
        self,
        *args: str,
        stdin: bytes = b"",
        config: Sequence[str] = (),
        on_progress: Callable[[str], None] | None = None,
    ) -> bytes:
        finished = self.children.run(
            self._argv(args, config),
            env=network_env(),
            cwd=self._cwd,
            stdin=stdin,
            on_stderr=on_progress,
            inherit_lock=False,
        )
        if finished.returncode:
            raise GitError(args[0], finished, self.work_tree or self.git_dir)
        return finished.stdout

    def as_user(self, *args: str) -> bytes:
        """A command that sees the user's own configuration, such as their global ignore rules."""
        finished = self.children.run(self._argv(args, ()), env=network_env(), cwd=self._cwd)
        if finished.returncode:
            raise GitError(args[0], finished, self.work_tree or self.git_dir)
        return finished.stdout

    @property
    def _cwd(self) -> Path:
        return self.start or self.work_tree or self.git_dir

    def _argv(self, args: Sequence[str], config: Sequence[str]) -> list[str]:
        argv = ["git", f"--git-dir={self.git_dir}"]
        if self.work_tree is not None:
            argv.append(f"--work-tree={self.work_tree}")
        for setting in (*_PROTECTING_CONFIG, *config):
            argv += ["-c", setting]
        return [*argv, *args]

    def _local_env(self, index: Path | None) -> dict[str, str]:
        env = _env_without_git()
        env["GIT_CONFIG_NOSYSTEM"] = "1"
        env["GIT_CONFIG_GLOBAL"] = os.devnull
        if index is not None:
            env["GIT_INDEX_FILE"] = str(index)
        return env


def _env_without_git() -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env.update(
        LC_ALL="C",
        GIT_OPTIONAL_LOCKS="0",
        GIT_TERMINAL_PROMPT="0",
        GIT_ATTR_NOSYSTEM="1",
        GIT_NO_REPLACE_OBJECTS="1",
        GIT_LITERAL_PATHSPECS="1",
        GIT_ALLOC_LIMIT="2g",  # a pack of some hundred bytes may ask for terabytes
        GIT_PAGER="cat",
    )
    return env


def network_env() -> dict[str, str]:
    env = _env_without_git()
    for key, value in os.environ.items():
        if key.startswith(_NETWORK_VARIABLES) or key.startswith(_NETWORK_INJECTED_CONFIG):
            env[key] = value
    return env


def version(children: Children) -> tuple[int, ...]:
    finished = children.run(["git", "version"], env=_env_without_git())
    words = finished.stdout.decode().split()
    numbers = words[2].split(".") if len(words) > 2 else []
    return tuple(int(part) for part in numbers[:3] if part.isdigit())


def own_repository(folder: Path, children: Children) -> Repository | None:
    """The user's own repository that this folder is in, if there is one."""
    finished = children.run(
        ["git", "rev-parse", "--absolute-git-dir", "--show-toplevel"],
        env=_env_without_git(),
        cwd=folder,
    )
    lines = finished.stdout.decode("utf-8", "surrogateescape").splitlines()
    if finished.returncode or len(lines) != 2:
        return None
    return Repository(Path(lines[0]), children, Path(lines[1]), start=folder)
