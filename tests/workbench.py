"""Small real git repositories as upstreams, and workspaces that keep forks of them (a plugin)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from forkctl.cli import main

Files = Mapping[str, str | bytes | None]


def git(where: Path, *args: str, **env: str) -> str:
    """The person's own git, in a repository of theirs."""
    identity = {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    done = subprocess.run(
        ["git", "-C", str(where), *args],
        env={**os.environ, **identity, **env},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Upstream:
    """A repository that somebody else owns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        git(path, "init", "--quiet", "--initial-branch=main")
        git(path, "config", "uploadpack.allowFilter", "true")
        git(path, "config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def commit(self, files: Files, message: str = "Change") -> str:
        write_files(self.path, files)
        git(self.path, "add", "-A")
        git(self.path, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(self.path, "rev-parse", "HEAD")


class Bench:
    """A workspace, and the commands a person types in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.pin = ""

    def tree(self, name: str = "thing") -> Path:
        return self.root / "forks" / name

    def write(self, files: Files) -> None:
        write_files(self.root, files)

    def manifest(self, *entries: str) -> None:
        (self.root / "forks.toml").write_text("version = 1\n\n" + "\n".join(entries))

    def run(self, *args: str) -> int:
        self.out, self.err = "", ""
        here = Path.cwd()
        os.chdir(self.root)
        try:
            code = main(list(args))
        finally:
            os.chdir(here)
        self.out, self.err = self._capsys.readouterr()
        return int(code)

    def ok(self, *args: str) -> str:
        code = self.run(*args)
        assert code == 0, f"{args}: exit {code}\n{self.out}\n{self.err}"
        return self.out

    def head(self, name: str = "thing") -> str:
        return git(self.tree(name), "rev-parse", "HEAD")


def write_files(root: Path, files: Files) -> None:
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


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


@pytest.fixture
def make_upstream(tmp_path: Path) -> Callable[[str], Upstream]:
    return lambda name: Upstream(tmp_path / name)


@pytest.fixture
def upstream(make_upstream: Callable[[str], Upstream]) -> Upstream:
    return make_upstream("upstream")


@pytest.fixture
def make_bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Bench]:
    def make(name: str) -> Bench:
        root = tmp_path / name
        root.mkdir(parents=True)
        return Bench(root, capsys)

    return make


@pytest.fixture
def bench(make_bench: Callable[[str], Bench]) -> Bench:
    return make_bench("workspace")
