"""Commands whose output lies on a disk that is full: a real one, mounted for one process alone."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import skip_loudly
from tests.driver import Upstream, Workspace, entry

pytestmark = pytest.mark.slow

# $1: the folder, $2: its size. Every block is taken, apart from what is in it by then.
MOUNTED = """
set -e
mount -t tmpfs -o size=$2 none "$1"
if [ -d "$1.before" ]; then cp -a "$1.before/." "$1"; fi
dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null || true
shift 2
exec "$@"
"""
FORMS = re.compile(r"(^|\n)error: .+\n?(hint:  .+)?", re.DOTALL)


@pytest.fixture
def full(tmp_path: Path) -> Path:
    place = tmp_path / "full"
    place.mkdir()
    if on_full_disk(tmp_path, place, "true").returncode:
        skip_loudly("a full disk: this user may not mount one")
    return place


def on_full_disk(
    here: Path, place: Path, *argv: str, size: str = "256k"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            MOUNTED,
            "sh",
            str(place),
            size,
            *argv,
        ],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=120,
    )


def forkctl(*words: str) -> list[str]:
    return [sys.executable, "-m", "forkctl", *words]


def require_form(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert FORMS.search(done.stderr), done.stderr
    assert "no space left" in done.stderr.lower(), done.stderr
    for ugly in ("Traceback", "should not", "crash", "errno", ".tmp"):
        assert ugly not in done.stderr


@pytest.fixture(scope="module")
def libero(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "src"
    made = forkctl("data", "synth", "libero_spatial", "--tasks", "1", "--demos", "2")
    subprocess.run([*made, "-o", str(folder), "--jobs", "1"], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "data synth libero_spatial --tasks 1 --demos 1 --jobs 1 -o full/out",
        "data convert {data} --jobs 1 -o full/out",
        "data merge {data} -o full/out.hdf5",
        "config robomimic libero_spatial -o full/out.json",
    ],
)
def test_data_and_configs(words: str, full: Path, libero: Path, workspace: Workspace) -> None:
    workspace.ok("init", "mine")
    here = workspace.root / "mine"
    (here / "full").symlink_to(full)
    typed = forkctl(*shlex.split(words.format(data=libero)))
    require_form(on_full_disk(here, full, *typed))


def test_a_workspace(full: Path, workspace: Workspace, upstream: Upstream) -> None:
    """Each command as it is, and again once there is space."""
    before = Workspace(full.with_name("full.before"), workspace._capsys, workspace._variables)
    pin = upstream.commit({"a.py": "A = 1\n" * 500, "b.py": "B = 1\n"})
    patch = "subject: Two\nwhy: Luck.\nfiles:\n  - file: b.py\n    edits:\n      - id: it\n"
    before.write({"patches/thing/0001-two.yaml": patch + "        append: BB = 1\n"})
    before.write({"overlays/thing/ours.py": "OURS = 1\n" * 5000})
    before.manifest(entry(upstream, pin, series=["thing"], overlays=["thing"]))
    for words in (["sync"], ["apply"], ["bundle", "-o", "out"], ["export", "thing", "-o", "out"]):
        require_form(
            on_full_disk(full, full, "sh", "-c", f"cd {full} && {shlex.join(forkctl(*words))}")
        )
        if words[0] in ("sync", "apply"):
            before.ok(*words)
