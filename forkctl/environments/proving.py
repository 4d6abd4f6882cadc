"""Prove that an environment is what the lock says and that it runs the intended tree.

Two forks of one upstream have packages of the same name. Installing one of them into the other's
environment trains the wrong code without a word; so where each package would come from is asked of
the environment itself, for every run.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl import checks
from forkctl.checks import Check
from forkctl.environments.environment import Environment
from forkctl.environments.locks import Lock, canonical_name
from forkctl.environments.python_path import forkctl_on_path
from forkctl.errors import ForkctlError
from forkctl.forks.cache import cache_root

_SHOWN = 5


@dataclass(frozen=True)
class Answer:
    """What the environment said of itself (see probe.py)."""

    python: str
    origins: Mapping[str, str | None]
    versions: Mapping[str, str]
    failures: Mapping[str, str]


def process_environment(environment: Environment, tree: Path) -> dict[str, str]:
    """The variables of a process that runs the tree in this environment."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
    }
    return {
        **variables,
        "PYTHONPATH": os.pathsep.join([str(tree), str(forkctl_on_path())]),
        "PYTHONNOUSERSITE": "1",  # ~/.local would come before the environment's own packages
        "PYTHONPYCACHEPREFIX": str(cache_root() / "pycache"),  # not into the tree
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": str(environment.prefix),
        "PATH": os.pathsep.join([str(environment.python.parent), os.environ.get("PATH", "")]),
    }


def run_python(
    environment: Environment, tree: Path, arguments: Sequence[str], *, cwd: Path, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the environment's Python, bound to the tree as a run would be, and wait for it."""
    try:
        return subprocess.run(
            [str(environment.python), *arguments],
            input=stdin,
            env=process_environment(environment, tree),
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ForkctlError(
            f"its Python does not start: {error.strerror}",
            where=str(environment.python),
            hint="forkctl env remove and create make it anew; for your own, check --env",
        ) from None


def ask(
    environment: Environment, tree: Path, packages: Sequence[str], modules: Sequence[str] = ()
) -> Answer:
    """Run the probe inside the environment."""
    # -c, not the file: its folder would be the first place that imports are looked for
    probe = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    question = json.dumps({"packages": list(packages), "modules": list(modules)})
    done = run_python(environment, tree, ["-c", probe], cwd=Path("/"), stdin=question)
    try:
        return Answer(**json.loads(done.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        raise ForkctlError(
            f"its Python does not answer: {done.stderr.strip()[-500:] or done.returncode}",
            where=str(environment.python),
        ) from None


def check_origins(answer: Answer, tree: Path) -> list[Check]:
    """Every package must come from inside the tree."""
    root = tree.resolve()
    found = []
    for package, origin in answer.origins.items():
        subject = f"import {package}"
        if origin is None:
            found.append(checks.failed(subject, f"not found; it should come from {root}"))
        elif not Path(origin).is_relative_to(root):
            found.append(
                checks.failed(
                    subject,
                    f"comes from {origin}, not from {root}",
                    f"uninstall {package} from that environment; the tree needs no installing",
                )
            )
        else:
            found.append(checks.ok(subject, f"from {Path(origin).relative_to(root.parent)}"))
    return found


def check_pins(answer: Answer, lock: Lock, environment: Environment) -> list[Check]:
    """The installed versions against the lock. In one's own environment a difference is allowed."""
    there = {canonical_name(name): version for name, version in answer.versions.items()}
    missing = [f"{name}=={pin}" for name, pin in lock.pins.items() if name not in there]
    other = [
        f"{name} is {there[name]}, not {pin}"
        for name, pin in lock.pins.items()
        if name in there and not same_version(there[name], pin)
    ]
    if not missing and not other:
        return [checks.ok("pins", f"all {len(lock.pins)} of {lock.path.name}")]
    if environment.ours:
        text = _some([f"missing: {pin}" for pin in missing] + other)
        return [checks.failed("pins", text, "forkctl env remove, then forkctl env create")]
    found = [checks.warning("pins", f"not met: {_some(missing)}")] if missing else []
    return found + ([checks.warning("pins", _some(other))] if other else [])


def check_imports(answer: Answer, modules: Sequence[str]) -> list[Check]:
    return [
        checks.failed(f"import {module}", answer.failures[module])
        if module in answer.failures
        else checks.ok(f"import {module}", "works")
        for module in modules
    ]


def same_version(there: str, pin: str) -> bool:
    """Equal but for the build, as in 2.13.0+cpu."""
    return there == pin or ("+" not in pin and there.split("+")[0] == pin)


def _some(items: Sequence[str]) -> str:
    more = f", and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
