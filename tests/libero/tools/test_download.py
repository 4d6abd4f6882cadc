"""`forkctl data download` against a hub on this machine, in a process of its own.

A process, because huggingface_hub reads HF_ENDPOINT when it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from forkctl.libero.suites import SUITES
from tests.commands import note
from tests.libero.tools.hub import COMMIT, REPO, Hub, serve

pytestmark = pytest.mark.slow

TASKS = SUITES["libero_goal"].tasks
NAMES = [f"libero_goal/{task}_demo.hdf5" for task in TASKS[:2]]
SIZE = 3 << 20


@pytest.fixture
def hub() -> Iterator[Hub]:
    rng = np.random.default_rng(0)
    files = {name: rng.bytes(SIZE + number) for number, name in enumerate(NAMES)}
    files["libero_goal/readme.txt"] = b"not data"
    files["libero_object/other_demo.hdf5"] = b"another suite"
    with serve(files) as running:
        yield running


def download(
    hub: Hub, out: Path, *words: str, suite: str = "libero_goal", **variables: str
) -> tuple[int, str, str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(out.parent / "hf-home"),
        "HF_TOKEN": "hf_secret",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
        **variables,
    }
    command = [sys.executable, "-m", "forkctl", "data", "download", suite, "--repo", REPO]
    done = subprocess.run(
        [*command, "--out", str(out), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode == 0:
        note(command[3:])
    return done.returncode, done.stdout, done.stderr


def test_all_is_every_suite_or_none(hub: Hub, tmp_path: Path) -> None:
    out = tmp_path / "data"
    code, _, error = download(hub, out, suite="all")
    assert code == 1 and "no files of libero_spatial, libero_object, " in error
    assert not out.exists()
    first = [f"{suite.name}/{suite.tasks[0]}_demo.hdf5" for suite in SUITES.values()]
    with serve({name: name.encode() for name in [*first, *NAMES]}) as whole:
        code, said, error = download(whole, out, "--tasks", "1", "--json", suite="all")
    assert code == 0, error
    assert sorted(json.loads(said)["fetched"]) == sorted(first)
    assert [(out / name).read_text() for name in first] == first


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    with serve({}) as closed:
        pass
    code, said, error = download(closed, tmp_path / "data")
    assert (code, said) == (1, "")
    assert "the hub refused, or cannot be reached: Connection refused\n" in error
    assert "HF_ENDPOINT" in error


@pytest.mark.parametrize(
    "variables",
    [
        {"HF_ENDPOINT": "http://[no-address"},
        {"HF_ENDPOINT": "no address"},
        {"HF_ENDPOINT": "http://host.invalid"},
        {"HTTPS_PROXY": "strange://x", "HTTP_PROXY": "strange://x", "NO_PROXY": ""},
    ],
)
def test_an_address_that_is_none_is_said(
    hub: Hub, tmp_path: Path, variables: dict[str, str]
) -> None:
    code, _, error = download(hub, tmp_path / "data", **variables)
    assert code == 1, error
    assert "error: " in error and "HF_ENDPOINT" in error


def test_a_repository_that_is_none_is_said(hub: Hub, tmp_path: Path) -> None:
    code, _, error = download(hub, tmp_path / "data", "--repo", "a/b/c")
    assert code == 1
    assert "error: a/b/c: the hub refused" in error


def test_a_suite_is_fetched_whole_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    code, said, _ = download(hub, tmp_path / "data", "--json")
    assert code == 0
    answer = json.loads(said)
    assert not hub.tokens, "the data is public"
    assert answer["commit"] == COMMIT and sorted(answer["fetched"]) == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / "data" / name).read_bytes() == hub.files[name]
    assert hub.revisions == {COMMIT}  # not "main", which may move between two files
    assert not list((tmp_path / "data").rglob("*.txt"))
    assert not list((tmp_path / "data").rglob("other_demo*"))


def test_a_second_time_nothing_is_fetched(hub: Hub, tmp_path: Path) -> None:
    download(hub, tmp_path / "data")
    hub.requests.clear()
    code, said, _ = download(hub, tmp_path / "data", "--json")
    assert code == 0 and json.loads(said)["fetched"] == []
    assert hub.requests == []


def test_it_goes_on_where_the_line_broke(hub: Hub, tmp_path: Path) -> None:
    # huggingface_hub keeps what it got in pieces of 10 MB
    hub.files[NAMES[0]] = np.random.default_rng(1).bytes(24 << 20)
    hub.cut_after[NAMES[0]] = 15 << 20
    code = 1
    for _ in range(2):
        code, _, errors = download(hub, tmp_path / "data", "--tasks", "1")
        if code == 0:
            break
        assert "Traceback" not in errors and "Run it again" in errors
    assert code == 0
    assert (tmp_path / "data" / NAMES[0]).read_bytes() == hub.files[NAMES[0]]
    first, *later = hub.downloads(NAMES[0])
    assert first == "" and later[0] == f"bytes={10 << 20}-"


def test_a_file_damaged_on_this_disk_is_fetched_again(hub: Hub, tmp_path: Path) -> None:
    download(hub, tmp_path / "data")
    victim = tmp_path / "data" / NAMES[1]
    content = bytearray(victim.read_bytes())
    content[1000] ^= 255
    victim.write_bytes(content)
    code, said, _ = download(hub, tmp_path / "data", "--json")
    assert code == 0 and json.loads(said)["fetched"] == [NAMES[1]]
    assert victim.read_bytes() == hub.files[NAMES[1]]


def test_a_mirror_that_sends_other_bytes_is_not_believed(hub: Hub, tmp_path: Path) -> None:
    hub.lies.add(NAMES[0])
    code, _, errors = download(hub, tmp_path / "data", "--tasks", "1")
    assert code == 1
    assert "does not match the digest" in errors and "HF_ENDPOINT" in errors


def test_a_dry_run_fetches_nothing(hub: Hub, tmp_path: Path) -> None:
    code, said, _ = download(hub, tmp_path / "data", "--dry-run", "--json")
    assert code == 0 and sorted(json.loads(said)["to_fetch"]) == sorted(NAMES)
    assert hub.requests == [] and not (tmp_path / "data").exists()


def test_errors_say_what_to_do(hub: Hub, tmp_path: Path) -> None:
    code, _, errors = download(hub, tmp_path / "data", suite="libero_90")
    assert code == 1 and "libero_90" in errors and "Traceback" not in errors
    code, _, errors = download(hub, tmp_path / "data", "--repo", "someone/else")
    assert code == 1 and "HF_ENDPOINT" in errors and "Traceback" not in errors
    code, _, errors = download(hub, tmp_path / "data", suite="libero_gaol")
    assert code == 1 and "libero_goal" in errors


def test_a_listing_leads_nowhere_else(hub: Hub, tmp_path: Path) -> None:
    away = f"libero_goal/../../{TASKS[2]}_demo.hdf5"
    hub.files[away] = b"anything"
    code, said, _ = download(hub, tmp_path / "data", "--json")
    assert code == 0
    assert sorted(json.loads(said)["fetched"]) == sorted(NAMES)
    assert not hub.downloads(away) and {path.name for path in tmp_path.iterdir()} <= {
        "data",
        "hf-home",
    }


def test_a_commit_that_is_none_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.commit = "../../x"
    code, _, err = download(hub, tmp_path / "data")
    assert code == 1 and "names no commit" in err
