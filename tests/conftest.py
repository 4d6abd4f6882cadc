"""What every test has: a HOME of its own, no way out, and real forks where it asks for them.

A test that asks for `real` needs upstream repositories, and carries the mark `upstream` for it; no
other test may carry that mark, and no other test can reach an upstream. What is dear to make is
made once for all of xdist's workers, under `shared`.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from forkctl.libero.schema import Layout
from forkctl.libero.synth import SynthOptions, write_suite
from tests import ROOT
from tests.driver import Workspace

pytest_plugins = ["tests.commands", "tests.driver", "tests.standin"]

# Hundreds of processes import the same packages: they are compiled once, whatever the machine says,
# and nowhere in the folders under test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(ROOT / ".pytest_cache" / "bytecode")
sys.dont_write_bytecode = False

UNREACHABLE = "upstream out of reach"
SUITE = "libero_spatial"
LAID_IN = ("forks.toml", "forks.lock", "patches", "overlays", "configs")


def out_of_reach(what: str) -> None:
    """A loud skip: the end of the output names it again."""
    pytest.skip(f"{UNREACHABLE}: {what}")


@pytest.fixture(autouse=True)
def own_home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """No test reads or writes the user's cache; git's own settings stay where mirrors matter."""
    gitconfig = Path(os.environ.get("GIT_CONFIG_GLOBAL", Path.home() / ".gitconfig"))
    home = tmp_path_factory.mktemp("home")
    if request.node.get_closest_marker("upstream") is None:
        gitconfig = Path(os.devnull)
        monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:ssh")
    if gitconfig.exists():
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(gitconfig))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("FORKCTL_CACHE", str(home / "forkctl-cache"))
    return home


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all of xdist's workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def alone(shared: Path, name: str) -> Iterator[bool]:
    """One worker at a time; True for the first that comes, until one got to the end."""
    done = shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not done.exists()
        done.touch()


@pytest.fixture(scope="session")
def session_cache(shared: Path) -> Path:
    """Upstreams and environments, fetched and made once."""
    return shared / "cache"


@pytest.fixture(scope="session")
def real(shared: Path, session_cache: Path) -> Callable[..., Workspace]:
    """`real("rdt")` -> a workspace with this repository's series, in which that fork is applied."""
    variables = {
        "FORKCTL_CACHE": str(session_cache),
        "PYTHONPYCACHEPREFIX": str(session_cache / "pycache"),  # as forkctl's own runs have it
    }
    workspace = Workspace(shared / "workspace", variables=variables)
    with alone(shared, "laid-in") as first:
        if first:
            workspace.lay_in(*LAID_IN)

    def apply(*forks: str) -> Workspace:
        for fork in forks:
            with alone(shared, f"applied-{fork}") as first:
                if first:
                    bring_up(workspace, fork)
        return workspace

    return apply


def bring_up(workspace: Workspace, fork: str) -> None:
    done = workspace.typed("sync", fork)
    if done.returncode:
        out_of_reach(f"{fork}: {done.stderr[-300:]}")
    workspace.said("apply", fork)


@pytest.fixture(scope="session")
def synthetic(shared: Path) -> Callable[..., Path]:
    """`synthetic(tasks=2, demos=3)` -> a folder of LIBERO files, named after its suite. Copy what
    you change."""

    def make(tasks: int, demos: int, image_size: int = 32, layout: Layout = Layout.RAW) -> Path:
        name = f"synthetic-{tasks}-{demos}-{image_size}-{layout.value}"
        with alone(shared, name) as first:
            if first:
                options = SynthOptions(layout=layout, demos=demos, image_size=image_size)
                list(write_suite(shared / name / SUITE, SUITE, options, tasks))
        return shared / name / SUITE

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        needs = "real" in getattr(item, "fixturenames", ())
        if item.get_closest_marker("upstream") and not needs:
            raise pytest.UsageError(f"{item.nodeid}: marked upstream, and asks for no real fork")
        if needs:
            item.add_marker("upstream")
    items.sort(key=lambda item: not item.nodeid.startswith("tests/upstream/"))  # the longest first


class ByPlace(LoadScopeScheduling):
    """A file's tests go to one worker, and so do all tests of one upstream's folder: what they
    share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file.rpartition("/")[0] if file.startswith("tests/upstream/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByPlace:
    return ByPlace(config, log)


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
