"""Prove that an environment is what the lock says and that it runs the intended tree.

Two forks of one upstream have packages of the same name. Installing one of them into the other's
environment trains the wrong code without a word; so where each package would come from is asked of
the environment itself, for every run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forkctl import checks
from forkctl.checks import Check
from forkctl.environments.binding import Place, bind, binding_key
from forkctl.environments.environment import Environment
from forkctl.environments.locks import Lock, canonical_name
from forkctl.environments.selecting import not_made, select
from forkctl.errors import ForkctlError
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import open_fork_tree

_SHOWN = 5


@dataclass(frozen=True)
class Answer:
    """What the environment said of itself (see probe.py)."""

    python: str
    origins: Mapping[str, str | None]
    versions: Mapping[str, str]
    failures: Mapping[str, str]
    gpus: int | None = None  # that torch sees, where it was asked


def ask(
    place: Place, packages: Sequence[str], modules: Sequence[str] = (), *, gpus: bool = False
) -> Answer:
    """Run the probe inside the environment."""
    # -c, not the file: its folder would be the first place that imports are looked for
    probe = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    question = json.dumps({"packages": list(packages), "modules": list(modules), "gpus": gpus})
    done = place.run_python(["-c", probe], cwd=Path("/"), stdin=question)
    try:
        return Answer(**json.loads(done.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        raise ForkctlError(
            f"its Python does not answer: {done.stderr.strip()[-500:] or done.returncode}",
            where=str(place.environment.python),
        ) from None


def check_environment(
    workspace: Workspace,
    fork: Fork,
    profile: str | None,
    own: str | None,
    *,
    packages: Sequence[str],
    modules: Sequence[str],
) -> list[Check]:
    """The pins, whether the fork's packages come from its tree, and whether the modules import."""
    tree = open_fork_tree(workspace, fork)
    selection = select(workspace, fork, profile, own)
    environment = selection.environment
    if environment is None:
        return [checks.failed("environment", *not_made(selection, fork.name))]
    answer = ask(bind(tree, environment), packages, modules)
    lock = selection.lock
    digest = lock.digest if lock and environment.ours else None
    key = binding_key(tree.state.pin, tree.series, digest, answer.python)
    return [
        checks.ok("environment", f"{environment.prefix}, Python {answer.python}"),
        *(check_pins(answer, lock, environment) if lock else ()),
        *check_origins(answer, tree.path),
        *check_imports(answer, modules),
        checks.ok("binding", f"{key} (pin, series, overlays, lock, Python)"),
    ]


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
    """The installed versions against the lock, from which a user's own environment may differ."""
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
