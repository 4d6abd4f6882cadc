"""Environment locks: which version of every package a fork runs on.

A lock `configs/envs/<fork>/<profile>.txt` is what uv made of `<profile>.in`, which says why. Three
comments in the .in file may steer it, and travel into the lock:

    # python: 3.10
    # exclude-newer: 2025-06-27
    # exclude: wandb pytest

What is excluded is declared by some package but not needed here: it is left out when the lock is
made, and the lock is then installed as it stands. The date matters: what these upstreams declare
resolves to a working set only as of the days when they were written. A lock is plain requirements,
without the address of any index. It may take over another one whole by `-r ../other/profile.txt`;
forks with the same lock share one environment.

What only some runs need has a lock of its own beside it, `<profile>+<extra>.txt`, which takes over
the other by `-r <profile>.txt`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from forkctl.environments.uv import UvFailed, run_uv
from forkctl.errors import ForkctlError
from forkctl.reading import read_text
from forkctl.scratch import scratch_folder

PROFILES = ("cpu", "cuda")
_DIRECTIVE = re.compile(r"#\s*(python|exclude-newer):\s*(\S+)\s*$")
_EXCLUDED = re.compile(r"#\s*exclude:\s*(.+?)\s*$")
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)")


@dataclass(frozen=True)
class Lock:
    path: Path
    profile: str
    python: str
    exclude_newer: str | None
    requirements: tuple[str, ...]
    complete: bool = False  # it leaves out what a package declares: nothing may be added to it

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.requirements).encode()).hexdigest()

    @property
    def pins(self) -> dict[str, str]:
        found = (_PIN.match(line) for line in self.requirements)
        return {canonical_name(pin[1]): pin[2] for pin in found if pin}


def locked_profiles(folder: Path, suffix: str = ".txt") -> list[str]:
    """The profiles that have such a file; one with an extra comes after the one without."""
    stems = (path.name.removesuffix(suffix) for path in folder.glob(f"*{suffix}"))
    return sorted(stem for stem in stems if base_of(stem) in PROFILES)


def base_of(profile: str) -> str:
    """The profile without its extras."""
    return profile.split("+")[0]


def as_options(profile: str) -> str:
    """How a profile is typed."""
    return f"--profile {profile.replace('+', ' --with ')}"


def canonical_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(folder: Path, profile: str, default_python: str) -> Lock:
    path = folder / f"{profile}.txt"
    if not path.is_file():
        there = map(as_options, locked_profiles(folder))
        raise ForkctlError(
            f"there is no lock for the profile {profile}",
            where=str(path),
            hint=" or ".join(there)
            or f"write {profile}.in and run `forkctl env lock`, or bring your own with --env",
        )
    directives, requirements = _read(path, seen=())
    return Lock(
        path=path,
        profile=profile,
        python=directives.get("python", default_python),
        exclude_newer=directives.get("exclude-newer"),
        requirements=tuple(sorted(requirements)),
        complete="exclude" in directives,
    )


def _read(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, str], list[str]]:
    """Directives and requirement lines of a lock and of the locks that it takes over."""
    if path in seen:
        raise ForkctlError("the lock takes over itself", where=str(path))
    directives: dict[str, str] = {}
    requirements: list[str] = []
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise ForkctlError(f"cannot read the lock: {error.strerror}", where=str(path)) from None
    for line in lines:
        directive = _DIRECTIVE.match(line)
        excluded = _EXCLUDED.match(line)
        requirement = line.split(" #")[0].strip()
        if directive:
            directives.setdefault(directive[1], directive[2])
        elif excluded:
            directives["exclude"] = f"{directives.get('exclude', '')} {excluded[1]}".strip()
        elif requirement.startswith("-r "):
            other = (path.parent / requirement[3:].strip()).resolve()
            inherited, more = _read(other, (*seen, path))
            directives = {**inherited, **directives}
            requirements += more
        elif requirement and not requirement.startswith("#"):
            requirements.append(requirement)
    return directives, requirements


def write_lock(source: Path, default_python: str) -> Path:
    """Resolve `<profile>.in` as of its date and write `<profile>.txt` beside it."""
    directives, _ = _read(source, seen=())
    python = directives.get("python", default_python)
    arguments = ["pip", "compile", "--no-header", "--no-annotate", "--no-emit-index-url"]
    arguments += ["--no-emit-find-links", "--python-version", python, str(source)]
    if "exclude-newer" in directives:
        arguments += ["--exclude-newer", directives["exclude-newer"]]
    with scratch_folder() as scratch:
        if "exclude" in directives:
            excluded = scratch / "exclude.txt"
            excluded.write_text("\n".join(directives["exclude"].split()), encoding="utf-8")
            arguments += ["--excludes", str(excluded)]
        try:
            resolved = run_uv([*arguments, "--quiet"])
        except UvFailed as failure:
            raise ForkctlError(
                f"the requirements do not resolve:\n{failure.output.strip()}", where=str(source)
            ) from None
    header = [f"# Made from {source.name} by `forkctl env lock`.", f"# python: {python}"]
    if "exclude-newer" in directives:
        header.append(f"# exclude-newer: {directives['exclude-newer']}")
    if "exclude" in directives:
        header.append(f"# exclude: {directives['exclude']}")
    # "+cpu" names a build, not a version: a machine that has another build of it may use that
    pins = [re.sub(r"(==[^+\s]+)\+\w+", r"\1", line) for line in resolved.splitlines()]
    target = source.with_suffix(".txt")
    target.write_text("\n".join([*header, *pins, ""]), encoding="utf-8")
    return target
