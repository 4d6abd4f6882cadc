"""Run git so that nothing of the machine around it can change the result.

Two ways: `local` commands see no configuration but the repository's and ours, and no `GIT_*`
variable; `network` commands see the user's configuration, because insteadOf rules, credentials and
proxies live there, but still none of the variables that would point git at another repository.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks.processes import Children, Finished

# What a network command may take from the environment: how to reach and authenticate, no more.
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
    "protocol.ext.allow=never",
    # Large-file pointers are laid out as they are stored: the same on machines with and without it.
    "filter.lfs.smudge=",
    "filter.lfs.clean=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    "advice.detachedHead=false",
)


class GitError(ForkctlError):
    """Git said no. `stderr` is what it said."""

    def __init__(self, command: str, finished: Finished, repository: Path) -> None:
        self.stderr = finished.stderr
        why = said(finished.stderr, finished.returncode)
        super().__init__(f"git {command} failed: {why}", where=str(repository))


def said(stderr: str, returncode: int) -> str:
    """The lines of git's stderr that tell why, without progress."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:", "ssh:"))]
    chosen = telling or lines[-3:] or [f"exit status {returncode}"]
    return "; ".join(dict.fromkeys(chosen))


class Repository(NamedTuple):
    """A repository named outright: git never goes looking for one in parent directories."""

    git_dir: Path
    children: Children
    work_tree: Path | None = None
    start: Path | None = None  # the folder below the work tree that commands run in

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

    def agrees(self, *args: str, index: Path | None = None) -> bool:
        """For commands that answer by their status: 0 is yes, 1 is no."""
        finished = self.children.run(
            self._argv(args, ()), env=self._local_env(index), cwd=self._cwd
        )
        if finished.returncode not in (0, 1):
            raise GitError(args[0], finished, self.work_tree or self.git_dir)
        return finished.returncode == 0

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
        """A look at the tree with the user's own configuration (their global ignore rules)."""
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
    """The repository that a person keeps this folder in, if they do."""
    finished = children.run(
        ["git", "rev-parse", "--absolute-git-dir", "--show-toplevel"],
        env=_env_without_git(),
        cwd=folder,
    )
    lines = finished.stdout.decode("utf-8", "surrogateescape").splitlines()
    if finished.returncode or len(lines) != 2:
        return None
    return Repository(Path(lines[0]), children, Path(lines[1]), start=folder)


# -- reading ----------------------------------------------------------------------------------


class Entry(NamedTuple):
    """One name in a tree: its mode (`100644`, `100755`, `120000`, `160000`), and object."""

    mode: str
    oid: str


def resolve(repo: Repository, revision: str) -> str | None:
    """The full commit id, or None where there is no such commit here."""
    out = repo.local(
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
        accept=(0, 1, 128),
    )
    return out.decode().strip() or None


def tree_of(repo: Repository, commit: str) -> str:
    return repo.line("rev-parse", "--verify", f"{commit}^{{tree}}")


def files_of(repo: Repository, commit: str) -> dict[str, Entry]:
    """Every file of a commit by path."""
    return {path: entry for kind, path, entry in _ls_tree(repo, "-r", commit) if kind != "tree"}


def changed_files(
    repo: Repository, old: str, new: str
) -> dict[str, tuple[Entry | None, Entry | None]]:
    """path -> (what it was, what it becomes) between two commits."""
    out = repo.local("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", old, new)
    records = out.split(b"\0")
    changed: dict[str, tuple[Entry | None, Entry | None]] = {}
    for meta, path in zip(records[0::2], records[1::2], strict=False):
        mode, new_mode, oid, new_oid, _ = meta.decode().removeprefix(":").split()
        before = None if mode == "000000" else Entry(mode, oid)
        after = None if new_mode == "000000" else Entry(new_mode, new_oid)
        changed[os.fsdecode(path)] = (before, after)
    return changed


def file_at(repo: Repository, commit: str, path: str) -> Entry | None:
    found = [entry for _, name, entry in _ls_tree(repo, commit, "--", path) if name == path]
    return found[0] if found else None


def files_and_trees_of(repo: Repository, commit: str) -> list[tuple[str, str, Entry]]:
    """(kind, path, entry) of everything below a commit's root tree."""
    return list(_ls_tree(repo, "-r", "-t", commit))


def _ls_tree(repo: Repository, *args: str) -> Iterator[tuple[str, str, Entry]]:
    for record in repo.local("ls-tree", "-z", "--full-tree", *args).split(b"\0"):
        if record:
            meta, _, path = record.partition(b"\t")
            mode, kind, oid = meta.decode().split()
            yield kind, os.fsdecode(path), Entry(mode, oid)


def missing_objects(repo: Repository, oids: Iterable[str]) -> list[str]:
    """Those that are not here. Never goes to a network for them."""
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    if not asked:
        return []
    out = repo.local(
        "cat-file",
        "--batch-check=%(objectname)",
        stdin=asked,
        config=("extensions.partialClone=", "remote.origin.promisor=false"),
    )
    return [line.split()[0] for line in out.decode().splitlines() if line.endswith(" missing")]


class BlobReader:
    """Reads many blobs through one `cat-file --batch`."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._process = repo.start_local("cat-file", "--batch")

    def read(self, oid: str) -> bytes:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{oid}\n".encode())
        self._process.stdin.flush()
        header = self._process.stdout.readline().split()
        if len(header) != 3:
            raise ForkctlError(
                f"object {oid} is not in {self._repo.git_dir}",
                hint="run `forkctl sync` again; it fetches what is missing",
            )
        content = self._process.stdout.read(int(header[2]))
        self._process.stdout.read(1)
        return content

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        if self._process.stdout:
            self._process.stdout.close()
        self._process.wait()
        self._repo.children.forget(self._process)


@contextmanager
def blob_reader(repo: Repository) -> Iterator[BlobReader]:
    reader = BlobReader(repo)
    try:
        yield reader
    finally:
        reader.close()


def commits_between(repo: Repository, base: str, tip: str) -> list[str]:
    """Commits reachable from tip and not from base, oldest first."""
    return repo.line("rev-list", "--reverse", "--topo-order", f"{base}..{tip}").split()


def is_ancestor(repo: Repository, ancestor: str, commit: str) -> bool:
    return not repo.line("rev-list", "--max-count=1", ancestor, f"^{commit}")


# -- writing ----------------------------------------------------------------------------------


def copy_objects(
    source: Repository, target: Repository, oids: Iterable[str], promised: bool
) -> None:
    """Pack these objects of `source` into `target`. `promised`: others may be fetched on demand."""
    pack = source.local(
        "pack-objects",
        "--stdout",
        "--quiet",
        "--window=0",
        "--threads=1",
        stdin="".join(f"{oid}\n" for oid in oids).encode(),
        config=("pack.writeReverseIndex=false",),
    )
    promisor = ("--promisor=forkctl",) if promised else ()
    target.local("index-pack", "--stdin", "--threads=1", *promisor, stdin=pack)


def write_ref(repo: Repository, ref: str, oid: str) -> None:
    """Set a reference of a repository that only forkctl writes to; leaves no lock when killed."""
    path = repo.git_dir / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f"{oid}\n")


def quote_path(path: str) -> bytes:
    """A path in git's C-style quotes, for the formats that end a path with a newline."""
    raw = os.fsencode(path)
    quoted = b"".join(
        bytes([byte]) if 32 <= byte < 127 and byte not in b'"\\' else b"\\%03o" % byte
        for byte in raw
    )
    return b'"' + quoted + b'"'
