from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from forkctl.environments.binding import binding_key, process_variables
from forkctl.environments.environment import (
    Environment,
    create_environment,
    environment_key,
    environments_root,
    find_environment,
    own_environment,
    remove_environment,
)
from forkctl.environments.installing import explain
from forkctl.environments.locks import Lock, read_lock
from forkctl.environments.uv import uv_settings
from forkctl.errors import ForkctlError, UsageError
from forkctl.places import cache_root

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


def lock_with(folder: Path, text: str, profile: str = "cpu") -> Lock:
    folder.mkdir(exist_ok=True)
    (folder / f"{profile}.txt").write_text(text)
    return read_lock(folder, profile, PYTHON)


def quiet(text: str) -> None:
    pass


def test_an_environment_is_made_once_and_removed(tmp_path: Path) -> None:
    lock = lock_with(tmp_path / "envs", "# nothing in it\n")
    assert find_environment(lock) is None
    made = create_environment(lock, quiet)
    assert made.python.exists()
    assert find_environment(lock) == made
    marker = made.prefix / "marker"
    marker.touch()
    assert create_environment(lock, quiet) == made
    assert marker.exists(), "it was made again"
    assert remove_environment(lock, quiet) is True
    assert find_environment(lock) is None
    assert remove_environment(lock, quiet) is False


def test_two_at_once_make_one_environment(tmp_path: Path) -> None:
    lock = lock_with(tmp_path / "envs", "")
    said: list[str] = []
    threads = [
        threading.Thread(target=create_environment, args=(lock, said.append)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert find_environment(lock) is not None
    assert sum(line.startswith("making") for line in said) == 1


def test_a_pin_that_cannot_be_met_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    lock = lock_with(tmp_path / "envs", "forkctl-no-such-thing==9.9.9\n")
    with pytest.raises(ForkctlError) as caught:
        create_environment(lock, quiet)
    assert "these pins cannot be met: forkctl-no-such-thing==9.9.9" in caught.value.message
    assert find_environment(lock) is None
    assert [path for path in environments_root().iterdir() if path.is_dir()] == []


def test_only_the_pins_that_uv_names_are_blamed(tmp_path: Path) -> None:
    lock = lock_with(tmp_path / "envs", "torch==2.0.1\ntorch-geometric==2.0.1\nnumpy==1.2.3\n")
    said = "Because there is no version of torch-geometric==2.0.1 and you require …"
    error = explain(lock, said)
    assert "cannot be met: torch-geometric==2.0.1\n" in error.message
    assert str(lock.path) == error.where


def test_the_key_follows_requirements_and_python_not_comments(tmp_path: Path) -> None:
    one = lock_with(tmp_path / "a", "# made by A\nsix==1.16\nnumpy==1.26 # why\n")
    two = lock_with(tmp_path / "b", "numpy==1.26\n# made by B\nsix==1.16\n", "cuda")
    assert environment_key(one) == environment_key(two)
    other = lock_with(tmp_path / "c", "numpy==1.26.1\nsix==1.16\n")
    assert environment_key(one) != environment_key(other)
    older = lock_with(tmp_path / "d", "# python: 3.9\nsix==1.16\nnumpy==1.26\n")
    assert older.python == "3.9"
    assert environment_key(one) != environment_key(older)


def test_a_lock_may_take_over_another(tmp_path: Path) -> None:
    base = lock_with(tmp_path / "base", "# python: 3.12\nsix==1.16\n")
    same = lock_with(tmp_path / "fork", "-r ../base/cpu.txt\n")
    assert environment_key(same) == environment_key(base)
    more = lock_with(tmp_path / "more", "-r ../base/cpu.txt\nscipy==1.0\n")
    assert more.pins == {"six": "1.16", "scipy": "1.0"}
    loop = tmp_path / "loop"
    loop.mkdir()
    (loop / "cpu.txt").write_text("-r ../loop/cpu.txt\n")
    with pytest.raises(ForkctlError, match="takes over itself"):
        read_lock(loop, "cpu", PYTHON)


def test_a_lock_that_leaves_packages_out_is_installed_as_it_stands(tmp_path: Path) -> None:
    """`exclude` is in the comments of the lock, and may be spread over several lines."""
    lock = lock_with(tmp_path / "envs", "# exclude: wandb\n# exclude: torch pytest\nsix==1.16\n")
    assert lock.complete
    assert not lock_with(tmp_path / "other", "six==1.16\n").complete


def test_a_profile_without_a_lock_names_those_that_there_are(tmp_path: Path) -> None:
    lock_with(tmp_path, "six==1.16\n", "cpu")
    with pytest.raises(ForkctlError) as caught:
        read_lock(tmp_path, "cuda", PYTHON)
    assert "cpu" in str(caught.value.hint)


def test_each_part_of_a_binding_changes_its_key() -> None:
    parts = ("pin", "series", "lock", "3.10")
    keys = {binding_key(*parts)}
    for number in range(len(parts)):
        changed = [*parts]
        changed[number] = "other"
        keys.add(binding_key(*changed))
    assert len(keys) == 5


def test_own_environments_are_found_by_folder_or_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own_environment(sys.executable).python == Path(sys.executable)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("CONDA_PREFIX", sys.prefix)
    assert own_environment("current").prefix == Path(sys.prefix)
    with pytest.raises(UsageError):
        own_environment(str(tmp_path))


def test_settings_of_pip_reach_uv_unless_it_has_its_own() -> None:
    given = {"PIP_FIND_LINKS": "/a /b", "PIP_INDEX_URL": "file:///i", "UV_DEFAULT_INDEX": "mine"}
    handed = uv_settings(given)
    assert handed["UV_FIND_LINKS"] == "/a,/b"
    assert handed["UV_DEFAULT_INDEX"] == "mine"


BACKEND = """
import json, os, pathlib, zipfile
def build_wheel(folder, settings=None, metadata=None):
    pathlib.Path({out!r}).write_text(json.dumps(dict(os.environ)))
    with zipfile.ZipFile(pathlib.Path(folder, "curious-1.0-py3-none-any.whl"), "w") as wheel:
        info = "curious-1.0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: curious\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return "curious-1.0-py3-none-any.whl"
"""
SECRETS = (
    "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "HF_TOKEN", "WANDB_API_KEY", "GITHUB_TOKEN",
    "UV_PUBLISH_TOKEN", "UV_PUBLISH_PASSWORD", "MY_SECRET", "KUBECONFIG", "CUDA_TOKEN",
    "DATABASE_URL",
)  # fmt: skip
NEEDED = {
    "CC": "gcc", "CFLAGS": "-O2", "CUDA_HOME": "/opt/cuda", "TORCH_CUDA_ARCH_LIST": "9.0",
    "MAX_JOBS": "1", "no_proxy": "localhost", "DS_BUILD_OPS": "0", "LC_ALL": "C",
}  # fmt: skip


def test_a_build_sees_what_it_needs_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This package has no wheel, and its own code writes down all that it is told."""
    out = tmp_path / "seen.json"
    source = tmp_path / "curious-1.0"
    source.mkdir()
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: curious\nVersion: 1.0\n")
    (source / "backend.py").write_text(BACKEND.format(out=str(out)))
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    with tarfile.open(tmp_path / "curious-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, source.name)
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    for name in SECRETS:
        monkeypatch.setenv(name, "s3cret")
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FLASH_BUILD", "1")
    monkeypatch.setenv("FORKCTL_BUILD_VARIABLES", "FLASH_BUILD OTHER")
    create_environment(lock_with(tmp_path / "envs", "curious==1.0\n"), quiet)
    seen = json.loads(out.read_text())
    assert not [name for name, value in seen.items() if "s3cret" in value]
    assert {name: seen.get(name) for name in NEEDED} == NEEDED
    assert seen["FLASH_BUILD"] == "1"
    assert {"PATH", "HOME"} <= set(seen)


def test_a_process_keeps_bytecode_and_sees_nobodys_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images of containers set the first; with it, each process would compile torch again."""
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH"):
        monkeypatch.setenv(name, "/elsewhere")
    program = (
        "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix, '/elsewhere' in sys.path)"
    )
    here = Environment(Path(sys.prefix), Path(sys.executable))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=process_variables(here, [tmp_path]),
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["False", str(cache_root() / "pycache"), "False"], done.stderr
