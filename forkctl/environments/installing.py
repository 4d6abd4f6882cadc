"""Fill a new environment from a lock."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from forkctl.environments.locks import Lock, base_of, canonical_name
from forkctl.environments.uv import UvFailed, build_variables, find_python, run_uv
from forkctl.errors import ForkctlError
from forkctl.scratch import scratch_folder

_CUDA_PACKAGE = re.compile(r"^ \+ nvidia-", re.MULTILINE)


def install(lock: Lock, prefix: Path, say: Callable[[str], None]) -> None:
    python = find_python(lock.python)
    say(f"making {lock.path.parent.name}/{lock.profile} with Python {lock.python}")
    prefix.parent.mkdir(parents=True, exist_ok=True)
    # relocatable: it is renamed when it is whole
    _uv(lock, ["venv", "--quiet", "--relocatable", "--python", python, str(prefix)])
    with scratch_folder() as scratch:
        requirements = scratch / "requirements.txt"
        requirements.write_text("\n".join(lock.requirements) + "\n", encoding="utf-8")
        target = ["pip", "install", "--python", str(prefix / "bin" / "python")]
        arguments = [*target, "--requirement", str(requirements)]
        if lock.complete:
            arguments.append("--no-deps")
        if base_of(lock.profile) == "cpu":
            _install_small(lock, arguments, say)
        else:
            _uv(lock, arguments)
    if "torchvision" in lock.pins:
        _mend_torchvision(lock, prefix)


def _install_small(lock: Lock, arguments: list[str], say: Callable[[str], None]) -> None:
    """Install torch's CPU build where one is to be had.

    On Linux the torch of the package index is the CUDA build, with gigabytes of libraries beside
    it. If that is what would be installed, torch's own index of CPU builds is tried first (uv knows
    it); without a way there, the big one still works.
    """
    plan = _uv(lock, [*arguments, "--dry-run"])
    if _CUDA_PACKAGE.search(plan):
        try:
            run_uv([*arguments, "--torch-backend", "cpu"], retries=0)
            return
        except UvFailed:
            say(
                "torch's index of CPU builds cannot be used, so this takes the CUDA build (5 GB); "
                "UV_FIND_LINKS may name a folder that has a CPU build"
            )
    _uv(lock, arguments)


def _uv(lock: Lock, arguments: list[str]) -> str:
    try:
        return run_uv(arguments)
    except UvFailed as failure:
        raise explain(lock, failure.output) from None


def explain(lock: Lock, output: str) -> ForkctlError:
    """What uv said, led by the pins of the lock that it names."""
    named = [
        f"{name}=={version}"
        for name, version in lock.pins.items()
        if re.search(
            rf"(?<![\w-]){_spelled(name)}==v?{re.escape(version)}(?![\w.]*\d)", output, re.I
        )
    ]
    said = "\n".join(line for line in output.strip().splitlines()[-12:])
    if named:
        message = f"these pins cannot be met: {', '.join(named)}\n{said}"
    else:
        message = f"uv could not make the environment:\n{said}"
    return ForkctlError(
        message,
        where=str(lock.path),
        hint="bring your own environment with --env PATH, or edit the .in file beside the lock "
        "and run `forkctl env lock`",
    )


def _spelled(name: str) -> str:
    """A package's name with any of the separators that mean the same."""
    return re.escape(canonical_name(name)).replace(r"\-", "[-_.]+")


def _mend_torchvision(lock: Lock, prefix: Path) -> None:
    """Import torchvision once; lay the shim beside it if that is what it lacks."""
    python = prefix / "bin" / "python"
    why = _import_failure(python, "torchvision")
    if why and "torchvision::" in why:
        site = next((prefix / "lib").glob("python*/site-packages"))
        shutil.copy(Path(__file__).with_name("torchvision_shim.py"), site)
        (site / "torchvision_shim.pth").write_text("import torchvision_shim\n", encoding="utf-8")
        why = _import_failure(python, "torchvision")
    if why:
        raise ForkctlError(f"torchvision does not import:\n{why}", where=str(lock.path))


def _import_failure(python: Path, module: str) -> str | None:
    done = subprocess.run(
        [str(python), "-c", f"import {module}"],
        env=build_variables(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stderr.strip()[-2000:]
