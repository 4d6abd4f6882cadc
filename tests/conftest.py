"""What every test has: a HOME of its own, no way out, and real forks where it asks for them.

A test that asks for `real` needs upstream repositories, and carries the mark `upstream` for it; no
other test may carry that mark, and no other test can reach an upstream. What is dear to make is
made once for all of xdist's workers, under `shared`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from xdist.scheduler import LoadScopeScheduling

from forkctl.libero.schema import FileLayout
from forkctl.libero.synth import SynthOptions, write_suite
from tests.driver import Workspace

pytest_plugins = ["tests.commands", "tests.driver", "tests.standin"]

NOT_TRIED = "NOT TRIED"
SLOW = 3.0  # seconds of CPU, children's too: the clock says more of the machine than of the test
SUITE = "libero_spatial"
LAID_IN = ("forks.toml", "forks.lock", "patches", "overlays", "configs")


def skip_loudly(why: str) -> NoReturn:
    """The end of the output names it, so that a green run cannot hide it."""
    pytest.skip(f"{NOT_TRIED}: {why}")


@pytest.fixture(autouse=True)
def own_home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """No test reads or writes the user's cache; git's own settings stay where mirrors matter."""
    gitconfig = Path(os.environ.get("GIT_CONFIG_GLOBAL", Path.home() / ".gitconfig"))
    home = tmp_path_factory.mktemp("home")
    marks = {mark.name for mark in request.node.iter_markers()}
    if "upstream" not in marks:
        gitconfig = Path(os.devnull)
        monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:ssh")
        if "index" not in marks:
            monkeypatch.setenv("UV_OFFLINE", "1")
            monkeypatch.setenv("PIP_NO_INDEX", "1")
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
        skip_loudly(f"{fork} is out of reach: {done.stderr[-300:]}")
    workspace.said("apply", fork)


@pytest.fixture(scope="session")
def synthetic(shared: Path) -> Callable[..., Path]:
    """`synthetic(tasks=2, demos=3)` -> a folder of LIBERO files, named after its suite. Copy what
    you change."""

    def make(
        tasks: int, demos: int, image_size: int = 32, layout: FileLayout = FileLayout.RAW
    ) -> Path:
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


def cpu() -> float:
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    item.stash[STARTED] = cpu()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    report.user_properties.append(("cpu", cpu() - item.stash[STARTED]))
    return report


STARTED = pytest.StashKey[float]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    stats = terminalreporter.stats
    skipped = [each for each in stats.get("skipped", []) if NOT_TRIED in str(each.longrepr)]
    show(terminalreporter, "TESTS THAT DID NOT RUN", {r.nodeid: r.longrepr[2] for r in skipped})
    ended = [each for each in stats.get("", []) if each.when == "teardown"]
    seconds = {each.nodeid: dict(each.user_properties)["cpu"] for each in ended}
    unmarked = {each.nodeid for each in ended if "slow" not in each.keywords}
    slow = {name: f"{seconds[name]:.0f} s" for name in unmarked if seconds[name] > SLOW}
    show(terminalreporter, "TESTS THAT LACK THE MARK slow", slow)


def show(terminalreporter: pytest.TerminalReporter, title: str, lines: Mapping[str, str]) -> None:
    if lines:
        terminalreporter.section(title)
        for name, text in lines.items():
            terminalreporter.line(f"{name}: {text}")
