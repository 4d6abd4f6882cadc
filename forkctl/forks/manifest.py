"""forks.toml: what makes each fork, read strictly.

Anything unknown is refused with file, line and the accepted form: if a misspelt key were ignored,
the fork would silently differ from what its author wrote.

Classes that every command imports, here and in the modules beside, are named tuples: a dataclass
takes six times as long to create, and such costs are what a no-op command is made of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from forkctl.errors import ForkctlError, UsageError
from forkctl.forks.paths import fault_of_name, fault_of_path, fault_of_url, redacted
from forkctl.forks.toml import NO_TABLE, TomlTable, parse_toml
from forkctl.reading import read_text

VERSION = 1
ADDRESSES = "https://…, ssh://…, git@host:path, file://… or an absolute path"


class GitSource(NamedTuple):
    url: str
    revision: str
    hint: str | None

    @property
    def identity(self) -> str:
        """What is fetched, wherever it is fetched from."""
        return f"git:{self.revision}"

    def __str__(self) -> str:
        return f"{self.url} at {self.revision[:12]}" + (f" ({self.hint})" if self.hint else "")


class PypiSource(NamedTuple):
    package: str
    version: str
    sha256: str

    @property
    def identity(self) -> str:
        return f"pypi:{self.package}=={self.version}#{self.sha256}"

    def __str__(self) -> str:
        return f"{self.package}=={self.version} from the package index"


Source = GitSource | PypiSource


class EnvironmentSpec(NamedTuple):
    python: str
    locks: str


class Entrypoint(NamedTuple):
    file: str
    kind: str
    flags: tuple[str, ...]
    config_keys: tuple[str, ...]
    options: TomlTable = NO_TABLE  # what its kind of fork takes, which alone can judge them


class Fork(NamedTuple):
    name: str
    source: Source
    sparse: tuple[str, ...] | None
    series: tuple[str, ...]
    overlays: tuple[str, ...]
    default: bool
    env: EnvironmentSpec | None
    entrypoint: Entrypoint | None
    python_path: tuple[str, ...] = ()  # folders that imports look in before the tree's root

    def require_env(self) -> EnvironmentSpec:
        if self.env is None:
            raise ForkctlError(
                f"the fork {self.name} has no environment",
                where="forks.toml",
                hint=f'add [fork.{self.name}.env] with python = "3.10" and '
                'locks = "configs/envs/…", or bring your own with --env PATH|current',
            )
        return self.env

    def require_entrypoint(self) -> Entrypoint:
        if self.entrypoint is None:
            raise ForkctlError(
                f"the fork {self.name} has no entrypoint to run",
                where="forks.toml",
                hint=f"add [fork.{self.name}.entrypoint] with file and kind",
            )
        return self.entrypoint


class Manifest(NamedTuple):
    path: Path
    forks: tuple[Fork, ...]
    mirrors: tuple[tuple[str, str], ...]
    environments: tuple[tuple[str, EnvironmentSpec], ...]

    def environment(self, name: str) -> EnvironmentSpec | None:
        """An environment that belongs to no fork, such as the simulator's."""
        return dict(self.environments).get(name)

    def fork(self, name: str) -> Fork:
        return self.choose((name,), every=False)[0]

    def choose(self, names: Sequence[str], *, every: bool) -> tuple[Fork, ...]:
        """The named forks; without names, the default ones or all."""
        by_name = {fork.name: fork for fork in self.forks}
        for name in names:
            if name not in by_name:
                raise UsageError(
                    f"there is no fork named {name!r}",
                    where=self.path.name,
                    hint=f"the forks are {', '.join(by_name)}",
                )
        if names:
            return tuple(by_name[name] for name in dict.fromkeys(names))
        return tuple(fork for fork in self.forks if every or fork.default)


def load(path: Path) -> Manifest:
    try:
        text = read_text(path)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=path.name, hint="it is a text that you write"
        ) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Manifest:
    table = TomlTable(parse_toml(text, path.name), (), text, path)
    version = table.take("version", int, "version = 1")
    if version != VERSION:
        table.refuse("version", f"this forkctl reads only version {VERSION}", "version = 1")
    forks_table = table.table("fork")
    mirrors_table = table.table("mirrors")
    environments_table = table.table("env")
    table.done()
    forks = tuple(_fork(forks_table.table(name), name) for name in forks_table.names())
    mirrors = tuple((prefix, _mirror(mirrors_table, prefix)) for prefix in mirrors_table.names())
    environments = tuple(
        (name, _named_environment(environments_table, name, forks))
        for name in environments_table.names()
    )
    return Manifest(path=path, forks=forks, mirrors=mirrors, environments=environments)


def _fork(table: TomlTable, name: str) -> Fork:
    if fault := fault_of_name(name):
        table.refuse(None, f"the fork name {name!r} {fault}", "[fork.my-fork]")
    source = _source(table)
    sparse = table.strings("sparse", '["src", "examples"]', absent=None)
    python_path = table.strings("python_path", '["src"]', absent=()) or ()
    for key, folders in (("sparse", sparse or ()), ("python_path", python_path)):
        for folder in folders:
            if fault := fault_of_path(folder):
                table.refuse(key, f"{folder!r} {fault}", f'{key} = ["src"]')
    series = table.strings("series", '["mine"]', absent=())
    overlays = table.strings("overlays", '["mine"]', absent=())
    for key, names in (("series", series), ("overlays", overlays)):
        for item in names or ():
            if fault := fault_of_name(item):
                table.refuse(key, f"{item!r} {fault}", f'{key} = ["mine"]')
        if len(set(names or ())) != len(names or ()):
            table.refuse(key, f"`{key}` names an item twice", f'{key} = ["mine"]')
    default = table.take("default", bool, "default = true", absent=True)
    env = _environment(table.table("env")) if "env" in table else None
    entrypoint = _entrypoint(table.table("entrypoint")) if "entrypoint" in table else None
    table.done()
    return Fork(
        name=name,
        source=source,
        sparse=sparse,
        series=series or (),
        overlays=overlays or (),
        default=default,
        env=env,
        entrypoint=entrypoint,
        python_path=python_path,
    )


def _source(table: TomlTable) -> Source:
    if ("git" in table) == ("pypi" in table):
        table.refuse(
            None,
            "a fork needs exactly one of `git` and `pypi`",
            'git = "https://host/owner/name" with revision = "<40 hex digits>", or '
            'pypi = "name" with version and sha256',
        )
    if "git" in table:
        url = table.take("git", str, 'git = "https://host/owner/name"')
        if fault := fault_of_url(url):
            table.refuse(
                "git",
                f"{redacted(url)!r} {fault}",
                ADDRESSES,
            )
        revision = table.take("revision", str, 'revision = "<40 hex digits>"')
        if not _is_hex(revision, 40):
            table.refuse(
                "revision",
                f"{revision!r} is not a full commit id; a tag, branch or short id can move",
                'revision = "<40 hex digits>", with the tag or branch as hint = "v1.0"',
            )
        return GitSource(url, revision, table.take("hint", str, 'hint = "v1.0"', absent=None))
    package = table.take("pypi", str, 'pypi = "name"')
    if fault := fault_of_name(package):
        table.refuse("pypi", f"{package!r} {fault}", 'pypi = "name"')
    release = table.take("version", str, 'version = "0.3.0"')
    if not re.match(r"[0-9][0-9A-Za-z.!+]*\Z", release):
        table.refuse("version", f"{release!r} is not an exact version", 'version = "0.3.0"')
    sha256 = table.take("sha256", str, 'sha256 = "<64 hex digits>"')
    if not _is_hex(sha256, 64):
        table.refuse("sha256", "`sha256` must be 64 hex digits", 'sha256 = "<64 hex digits>"')
    return PypiSource(package, release, sha256)


def _mirror(table: TomlTable, prefix: str) -> str:
    replacement: str = table.take(prefix, str, '"https://host/" = "file:///mirror/"')
    if fault := fault_of_url(replacement):
        table.refuse(prefix, f"the mirror {redacted(replacement)!r} {fault}", ADDRESSES)
    return replacement


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and set(text) <= set("0123456789abcdef")


def _environment(table: TomlTable) -> EnvironmentSpec:
    python = table.take("python", str, 'python = "3.10"')
    locks = table.path("locks", 'locks = "configs/envs/mine"')
    table.done()
    return EnvironmentSpec(python, locks)


def _named_environment(table: TomlTable, name: str, forks: tuple[Fork, ...]) -> EnvironmentSpec:
    if fault := fault_of_name(name):
        table.refuse(name, f"the environment name {name!r} {fault}", "[env.my-environment]")
    if name in (fork.name for fork in forks):
        table.refuse(name, f"{name!r} is already the name of a fork", f"[fork.{name}.env]")
    return _environment(table.table(name))


def _entrypoint(table: TomlTable) -> Entrypoint:
    entrypoint = Entrypoint(
        file=table.path("file", 'file = "scripts/train.py"'),
        kind=table.take("kind", str, 'kind = "script"'),
        flags=table.strings("flags", 'flags = ["--config"]', absent=()) or (),
        config_keys=table.strings("config_keys", 'config_keys = ["seed"]', absent=()) or (),
        options=table.table("options"),
    )
    table.done()
    return entrypoint
