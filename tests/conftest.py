"""Shared fixtures: a HOME and cache of their own for every test, and loud upstream skips."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["workbench"]

# What the tests read from the real upstreams: a name, and the address git is asked for.
UPSTREAMS = {
    "robomimic": "https://github.com/ARISE-Initiative/robomimic",
    "droid": "https://github.com/droid-dataset/droid_policy_learning",
    "openvla": "https://github.com/openvla/openvla",
    "openvla-oft": "https://github.com/moojink/openvla-oft",
    "rdt": "https://github.com/thu-ml/RoboticsDiffusionTransformer",
    "libero": "https://github.com/Lifelong-Robot-Learning/LIBERO",
}
UNREACHABLE = "upstream out of reach"


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the person's cache; git's own settings stay, for mirrors' sake."""
    home = tmp_path_factory.mktemp("home")
    gitconfig = Path(os.environ.get("GIT_CONFIG_GLOBAL", Path.home() / ".gitconfig"))
    if gitconfig.exists():
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(gitconfig))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("FORKCTL_CACHE", str(home / "forkctl-cache"))
    return home


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for what is dear to make, environments above all; xdist's workers share it."""
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "forkctl-cache"
    cache.mkdir(exist_ok=True)
    return cache


@pytest.fixture(scope="session")
def upstream_clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """`upstream_clone("openvla")` -> a bare blobless clone of the real repository, or a skip."""
    clones: dict[str, Path | None] = {}

    def clone(name: str) -> Path:
        if name not in clones:
            target = tmp_path_factory.mktemp("upstream") / f"{name}.git"
            done = subprocess.run(
                [
                    "git",
                    "clone",
                    "--quiet",
                    "--bare",
                    "--filter=blob:none",
                    UPSTREAMS[name],
                    target,
                ],
                env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
                capture_output=True,
                timeout=600,
            )
            clones[name] = target if done.returncode == 0 else None
        found = clones[name]
        if found is None:
            pytest.skip(f"{UNREACHABLE}: {UPSTREAMS[name]}")
        return found

    yield clone


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which upstream tests did not run, so that a green run cannot hide it."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if UNREACHABLE in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("UPSTREAM TESTS THAT DID NOT RUN")
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")
