"""forks.toml: what makes each fork, read strictly.

Anything this module does not know is refused with file, line and the accepted form: a misspelt key
that is silently ignored is a fork that silently differs from what its author wrote.

What every command imports, here and beside, is named tuples: to make a dataclass costs six times
as much, and a no-op command is made of such costs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from forkctl.errors import UsageError
from forkctl.forks.paths import fault_of_name, fault_of_path
from forkctl.forks.toml import parse_toml

VERSION = 1
_TOML_HINT = "each table, and each key of a table, may be written once"


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


class Environment(NamedTuple):
    python: str
    locks: str


class Script(NamedTuple):
    """How a script is started, where no family knows it. Words may hold {config}, {run} and, for
    the option of that name, {data}, {ckpt} or {steps}; those of `resume` {checkpoint}."""

    arguments: tuple[str, ...] = ("--config", "{config}")
    data: tuple[str, ...] = ()
    ckpt: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    checkpoints: str | None = None  # a pattern of paths, from the run's folder
    metrics: str | None = None  # a pattern of lines; its named groups are metrics
    imports: tuple[str, ...] = ()  # what must import before a run
    in_tree: bool = False  # it starts in the fork's tree, not in the run's folder

    @property
    def options(self) -> Mapping[str, tuple[str, ...]]:
        """forkctl's own options that the script takes, and the words for each."""
        every = {"data": self.data, "ckpt": self.ckpt, "steps": self.steps}
        return {name: words for name, words in every.items() if words}


class Entrypoint(NamedTuple):
    file: str
    kind: str
    flags: tuple[str, ...]
    config_keys: tuple[str, ...]
    script: Script | None = None


class Fork(NamedTuple):
    name: str
    source: Source
    sparse: tuple[str, ...] | None
    series: tuple[str, ...]
    overlays: tuple[str, ...]
    default: bool
    env: Environment | None
    entrypoint: Entrypoint | None


class Manifest(NamedTuple):
    path: Path
    forks: tuple[Fork, ...]
    mirrors: tuple[tuple[str, str], ...]
    environments: tuple[tuple[str, Environment], ...]

    def environment(self, name: str) -> Environment | None:
        """The environment of this name that belongs to no fork, as the simulator's."""
        return dict(self.environments).get(name)

    def fork(self, name: str) -> Fork:
        return self.choose((name,), every=False)[0]

    def choose(self, names: Sequence[str], *, every: bool) -> tuple[Fork, ...]:
        """The named forks; without names the default ones, or all."""
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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", where=path.name) from error
    return parse(text, path)


def parse(text: str, path: Path) -> Manifest:
    table = _Table(parse_toml(text, path.name, _TOML_HINT), (), text, path)
    version = table.take("version", int, "version = 1")
    if version != VERSION:
        table.refuse("version", f"this forkctl reads version {VERSION}", "version = 1")
    forks_table = table.table("fork")
    mirrors_table = table.table("mirrors")
    environments_table = table.table("env")
    table.done()
    forks = tuple(_fork(forks_table.table(name), name) for name in forks_table.names())
    mirrors = tuple(
        (prefix, mirrors_table.take(prefix, str, '"https://host/" = "file:///mirror/"'))
        for prefix in mirrors_table.names()
    )
    environments = tuple(
        (name, _named_environment(environments_table, name, forks))
        for name in environments_table.names()
    )
    return Manifest(path=path, forks=forks, mirrors=mirrors, environments=environments)


def _fork(table: _Table, name: str) -> Fork:
    if fault := fault_of_name(name):
        table.refuse(None, f"the fork name {name!r} {fault}", "[fork.my-fork]")
    source = _source(table)
    sparse = table.strings("sparse", '["src", "examples"]', absent=None)
    for folder in sparse or ():
        if fault := fault_of_path(folder):
            table.refuse("sparse", f"{folder!r} {fault}", '["src", "examples"]')
    series = table.strings("series", '["mine"]', absent=())
    overlays = table.strings("overlays", '["mine"]', absent=())
    for key, names in (("series", series), ("overlays", overlays)):
        for item in names or ():
            if fault := fault_of_name(item):
                table.refuse(key, f"{item!r} {fault}", f'{key} = ["mine"]')
        if len(set(names or ())) != len(names or ()):
            table.refuse(key, "names one of its items twice", f'{key} = ["mine"]')
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
    )


def _source(table: _Table) -> Source:
    if ("git" in table) == ("pypi" in table):
        table.refuse(
            None,
            "says where the fork comes from by exactly one of `git` and `pypi`",
            'git = "https://host/owner/name" with revision = "<40 hex digits>", or '
            'pypi = "name" with version and sha256',
        )
    if "git" in table:
        url = table.take("git", str, 'git = "https://host/owner/name"')
        if fault := fault_of_url(url):
            table.refuse(
                "git",
                f"{url!r} {fault}",
                "https://…, ssh://…, git@host:path, file://… or an absolute path",
            )
        revision = table.take("revision", str, 'revision = "<40 hex digits>"')
        if not _is_hex(revision, 40):
            table.refuse(
                "revision",
                f"{revision!r} is not a full commit id; a tag, branch or short id may move",
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
        table.refuse("sha256", "is not 64 hex digits", 'sha256 = "<64 hex digits>"')
    return PypiSource(package, release, sha256)


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and set(text) <= set("0123456789abcdef")


def fault_of_url(url: str) -> str | None:
    """Why nothing is fetched from there; None where it may be."""
    strange = not url.isprintable() or any(character in url for character in "\"'\\")
    if url.startswith(("https://", "ssh://", "file://")) and not strange and " " not in url:
        user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
        if url.startswith("https://") and ":" in user:
            return "holds a password; let a git credential helper keep it"
        return None
    if url.startswith("/") and not strange:
        return None
    if re.match(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\s\"'\\]+\Z", url):
        return None  # git@host:path
    return "is not a place forkctl fetches from"


def _environment(table: _Table) -> Environment:
    python = table.take("python", str, 'python = "3.10"')
    locks = table.path("locks", 'locks = "configs/envs/mine"')
    table.done()
    return Environment(python, locks)


def _named_environment(table: _Table, name: str, forks: tuple[Fork, ...]) -> Environment:
    if fault := fault_of_name(name):
        table.refuse(name, f"the environment's name {name!r} {fault}", "[env.my-environment]")
    if name in (fork.name for fork in forks):
        table.refuse(name, f"{name!r} is a fork's name already", f"[fork.{name}.env]")
    return _environment(table.table(name))


_SCRIPT_WORDS = {
    "arguments": '["--config", "{config}", "--out", "{run}"]',
    "data": '["--data", "{data}"]',
    "ckpt": '["--init", "{ckpt}"]',
    "steps": '["--max-steps", "{steps}"]',
    "resume": '["--resume", "{checkpoint}"]',
    "imports": '["torch"]',
}


def _entrypoint(table: _Table) -> Entrypoint:
    entrypoint = Entrypoint(
        file=table.path("file", 'file = "scripts/train.py"'),
        kind=table.take("kind", str, 'kind = "script"'),
        flags=table.strings("flags", 'flags = ["--config"]', absent=()) or (),
        config_keys=table.strings("config_keys", 'config_keys = ["seed"]', absent=()) or (),
        script=_script(table.table("script")) if "script" in table else None,
    )
    table.done()
    return entrypoint


def _script(table: _Table) -> Script:
    given: dict[str, Any] = {}
    for name, form in _SCRIPT_WORDS.items():
        if name in table:
            given[name] = table.strings(name, f"{name} = {form}", absent=())
    if "checkpoints" in table:
        given["checkpoints"] = table.path("checkpoints", 'checkpoints = "checkpoints/*.pt"')
    if "metrics" in table:
        form = r"metrics = 'step (?P<step>\d+) loss (?P<loss>\S+)'"
        given["metrics"] = table.take("metrics", str, form)
        try:
            re.compile(given["metrics"])
        except re.error as error:
            table.refuse("metrics", f"is not a regular expression: {error}", form)
    if "in_tree" in table:
        given["in_tree"] = table.take("in_tree", bool, "in_tree = true")
    table.done()
    return Script(**given)


_REQUIRED: Any = object()
_TYPE_NAMES = {str: "a string", bool: "true or false", int: "a whole number", list: "a list"}


class _Table:
    """One TOML table that wants each of its keys taken, and says the line of what it refuses."""

    def __init__(
        self, values: Mapping[str, Any], path: tuple[str, ...], text: str, file: Path
    ) -> None:
        self._values, self._path, self._text, self._file = values, path, text, file
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        self._known.append(key)
        return key in self._values

    def names(self) -> list[str]:
        return list(self._values)

    def take(self, key: str, kind: type, form: str, absent: Any = _REQUIRED) -> Any:
        self._known.append(key)
        if key not in self._values:
            if absent is _REQUIRED:
                self.refuse(None, f"lacks `{key}`", form)
            return absent
        value = self._values[key]
        if type(value) is not kind:
            self.refuse(key, f"`{key}` is not {_TYPE_NAMES[kind]}", form)
        return value

    def strings(self, key: str, form: str, absent: Any) -> tuple[str, ...] | None:
        values = self.take(key, list, form, absent=absent)
        if values is absent:
            return absent  # type: ignore[no-any-return]
        if not all(type(value) is str for value in values):
            self.refuse(key, f"`{key}` is not a list of strings", form)
        return tuple(values)

    def path(self, key: str, form: str) -> str:
        value: str = self.take(key, str, form)
        if fault := fault_of_path(value):
            self.refuse(key, f"{value!r} {fault}", form)
        return value

    def table(self, key: str) -> _Table:
        self._known.append(key)
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, f"`{key}` is not a table", f"[{'.'.join((*self._path, key))}]")
        return _Table(value, (*self._path, key), self._text, self._file)

    def done(self) -> None:
        for key in self._values:
            if key not in self._known:
                from difflib import get_close_matches

                near = get_close_matches(key, self._known, 1)
                self.refuse(
                    key,
                    f"`{key}` is not a key of [{'.'.join(self._path) or 'the file'}]",
                    f"{near[0]} (did you mean that?)" if near else ", ".join(sorted(self._known)),
                )

    def refuse(self, key: str | None, message: str, form: str) -> None:
        from forkctl.forks.toml_lines import line_of

        path = self._path if key is None else (*self._path, key)
        raise UsageError(
            message,
            where=f"{self._file.name}:{line_of(self._text, path)}",
            hint=f"the accepted form: {form}",
        )
