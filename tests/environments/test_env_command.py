from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from forkctl.checks import CheckStatus
from forkctl.environments.environment import Environment
from forkctl.environments.locks import read_lock
from forkctl.environments.proving import Answer as Said
from forkctl.environments.proving import check_origins, check_pins, same_version
from forkctl.environments.selecting import default_profile, full_profile
from tests.driver import Workspace


def test_check_says_where_packages_come_from(thing: Workspace) -> None:
    code = thing.run("env", "check", "thing", "--profile", "cpu", "--env", sys.executable, "--json")
    found = {each["subject"]: each for each in json.loads(thing.out)}
    assert found["import robomimic"]["verdict"] == "ok"
    assert "thing/robomimic/__init__.py" in found["import robomimic"]["text"]
    # the tests' own Python has no torch: a run could not work, and that is said
    torch = subprocess.run([sys.executable, "-c", "import torch"], capture_output=True)
    assert found["import torch"]["verdict"] == ("failed" if torch.returncode else "ok")
    assert code == (1 if any(each["verdict"] == "failed" for each in found.values()) else 0)


def test_exec_runs_in_the_tree_s_binding_and_hands_on_the_exit_code(
    thing: Workspace, tmp_path: Path
) -> None:
    here = ("--profile", "cpu", "--env", sys.executable, "--", "python", "-c")
    out = tmp_path / "said"
    code = (
        "import pathlib, sys, robomimic; pathlib.Path(sys.argv[1]).write_text(robomimic.__file__)"
    )
    assert thing.run("env", "exec", "thing", *here, code, str(out)) == 0
    assert Path(out.read_text()).is_relative_to(thing.tree())
    assert thing.run("env", "exec", "thing", *here, "raise SystemExit(7)") == 7


def test_exec_refuses_a_fork_whose_overlays_changed_since(thing: Workspace, tmp_path: Path) -> None:
    thing.write({"overlays/ours/extra.txt": "ours\n"})
    manifest = thing.root / "forks.toml"
    manifest.write_text(manifest.read_text().replace("overlays = []", "overlays = ['ours']"))
    mark = tmp_path / "ran"
    code = f"import pathlib; pathlib.Path({str(mark)!r}).touch()"
    words = ("--profile", "cpu", "--env", sys.executable, "--", "python", "-c", code)
    assert thing.run("env", "exec", "thing", *words) == 1
    assert "was applied before its patches or overlays changed" in thing.err
    assert "forkctl apply thing" in thing.err and not mark.exists()


def test_exec_says_what_cannot_be_started(thing: Workspace) -> None:
    words = ("--profile", "cpu", "--env", sys.executable, "--", "no-such-program")
    assert thing.run("env", "exec", "thing", *words) == 1
    assert "no-such-program: cannot be started" in thing.err


@pytest.mark.parametrize("pip", [("pip",), ("pip3",), ("python", "-m", "pip")])
def test_pip_is_the_environment_s_and_not_forkctl_s_own(
    thing: Workspace, tmp_path: Path, pip: tuple[str, ...]
) -> None:
    """Environments have no pip of their own, and the next in PATH would be forkctl's."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        '[project]\nname = "said-pip"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbackend-path = ["."]\nbuild-backend = "backend"\n'
    )
    (package / "backend.py").write_text(_BACKEND)
    exec_ = ("env", "exec", "thing", "--profile", "cpu", "--")
    thing.said(*exec_, *pip, "install", str(package))
    made = Path(thing.ok("env", "create", "thing", "--profile", "cpu").split()[0])
    assert list(made.glob("lib/python*/site-packages/said_pip-1.dist-info"))
    assert "said-pip" in thing.said(*exec_, *pip, "list")


_BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = "said_pip-1.dist-info/"
    with zipfile.ZipFile(f"{folder}/said_pip-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: said-pip\\nVersion: 1\\n")
        wheel.writestr(
            info + "WHEEL",
            "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        )
        wheel.writestr(info + "RECORD", "")
    return "said_pip-1-py3-none-any.whl"
"""


def test_what_only_some_runs_need_has_an_environment_of_its_own(thing: Workspace) -> None:
    """The plain lock, and so the environment of every other run, stays as it is."""
    plain = Path(thing.ok("env", "create", "thing", "--profile", "cpu").split()[0])
    thing.write({"envs/cpu+extra.txt": "-r cpu.txt\nsix==1.16.0\n"})
    asked = ("--with", "extra", "--profile", "cpu")
    assert thing.run("env", "check", "thing", *asked) == 1
    assert "forkctl env create thing --profile cpu --with extra" in thing.out
    shown = {each["profile"]: each for each in json.loads(thing.ok("env", "show", "--json"))}
    assert {name: each["prefix"] for name, each in shown.items()} == {
        "cpu": str(plain),
        "cpu+extra": None,
    }
    assert thing.run("env", "create", "thing", "--profile", "cpu", "--with", "other") == 1
    assert "--profile cpu or --profile cpu --with extra" in thing.err
    assert thing.run("env", "create", "thing", "--profile", "cuda") == 1
    assert "--profile cpu or --profile cpu --with extra" in thing.err


def test_an_extra_alone_is_of_the_machine_s_profile() -> None:
    assert full_profile("+extra") == f"{default_profile()}+extra"
    assert full_profile(None) == default_profile()
    assert full_profile("cuda+extra") == "cuda+extra"


def test_create_show_and_remove(thing: Workspace) -> None:
    before = json.loads(thing.ok("env", "show", "thing", "--json"))
    assert [each["prefix"] for each in before] == [None]
    made = Path(thing.ok("env", "create", "thing", "--profile", "cpu").split()[0])
    assert (made / "bin" / "python").exists()
    after = json.loads(thing.ok("env", "show", "--json"))
    assert [each["prefix"] for each in after] == [str(made)]
    assert "removed" in thing.ok("env", "remove", "thing", "--profile", "cpu")
    assert not made.exists()


@pytest.mark.index
def test_lock_resolves_the_in_file_and_keeps_its_steering(thing: Workspace) -> None:
    """`cpu` has no .in file: only what is asked for, or what has one, is resolved."""
    before = (thing.root / "envs/cpu.txt").read_text()
    thing.write({"envs/cuda.in": "# python: 3.11\n# exclude-newer: 2024-01-01\npython-dateutil\n"})
    assert thing.ok("env", "lock", "thing", "--profile", "cuda").split() == ["envs/cuda.txt"]
    lock = read_lock(thing.root / "envs", "cuda", "3.9")
    assert (lock.python, lock.exclude_newer) == ("3.11", "2024-01-01")
    assert lock.pins == {"python-dateutil": "2.8.2", "six": "1.16.0"}
    assert (thing.root / "envs/cpu.txt").read_text() == before
    thing.write({"envs/cuda+extra.in": "-r cuda.txt\ntoolz==0.12.0\n"})
    thing.ok("env", "lock", "thing", "--profile", "cuda", "--with", "extra")
    extra = read_lock(thing.root / "envs", "cuda+extra", "3.9")
    assert extra.pins == {**lock.pins, "toolz": "0.12.0"}
    assert (extra.python, extra.exclude_newer) == ("3.11", "2024-01-01")
    assert thing.run("env", "lock", "thing", "--profile", "cpu") == 1
    assert "cpu.in" in thing.err


def test_a_fork_without_an_environment_is_told_what_to_write(thing: Workspace) -> None:
    manifest = (thing.root / "forks.toml").read_text()
    cut = manifest[: manifest.index("[fork.thing.env]")]
    (thing.root / "forks.toml").write_text(cut)
    assert thing.run("env", "create", "thing") == 1
    assert "[fork.thing.env]" in thing.err


def test_other_versions_fail_in_ours_and_warn_in_ones_own(tmp_path: Path) -> None:
    (tmp_path / "cpu.txt").write_text("six==1.16\nPyYAML==6.0\nabsent==1\n")
    lock = read_lock(tmp_path, "cpu", "3.11")
    said = Said("3.11", {}, {"six": "1.15", "pyyaml": "6.0"}, {})
    ours = Environment(tmp_path, tmp_path / "python", key="k", profile="cpu")
    (found,) = check_pins(said, lock, ours)
    assert found.status is CheckStatus.FAILED
    assert "six is 1.15, not 1.16" in found.text
    assert "missing: absent==1" in found.text
    own = Environment(tmp_path, tmp_path / "python")
    assert {each.status for each in check_pins(said, lock, own)} == {CheckStatus.WARNING}


def test_a_build_is_no_other_version() -> None:
    assert same_version("2.13.0+cpu", "2.13.0")
    assert not same_version("2.13.0", "2.13.0+cpu")
    assert not same_version("2.13.01", "2.13.0")


def test_a_sibling_tree_is_not_the_tree(tmp_path: Path) -> None:
    """`forks/robomimic-release` begins with the name of `forks/robomimic`."""
    sibling = tmp_path / "robomimic-release" / "robomimic" / "__init__.py"
    said = Said("3.11", {"robomimic": str(sibling)}, {}, {})
    (found,) = check_origins(said, tmp_path / "robomimic")
    assert found.status is CheckStatus.FAILED


def test_an_environment_whose_python_is_gone_is_an_error_not_a_crash(thing: Workspace) -> None:
    made = Path(thing.ok("env", "create", "thing", "--profile", "cpu").split()[0])
    (made / "bin" / "python").unlink()
    assert thing.run("env", "check", "thing", "--profile", "cpu") == 1
    assert "its Python does not start" in thing.err
    assert "forkctl env remove" in thing.err


def test_an_environment_that_belongs_to_no_fork(thing: Workspace) -> None:
    manifest = thing.root / "forks.toml"
    manifest.write_text(manifest.read_text() + "\n[env.alone]\npython = '3.11'\nlocks = 'alone'\n")
    thing.write({"alone/cpu.txt": f"# python: {sys.version_info[0]}.{sys.version_info[1]}\n"})
    made = Path(thing.ok("env", "create", "alone", "--profile", "cpu").split()[0])
    assert (made / "bin" / "python").exists()
    shown = json.loads(thing.ok("env", "show", "--json"))
    assert {"thing", "alone"} == {each["name"] for each in shown}
    assert "removed" in thing.ok("env", "remove", "alone", "--profile", "cpu")
    assert thing.run("env", "create", "alnoe") == 2


def test_an_environment_may_not_be_named_as_a_fork(thing: Workspace) -> None:
    manifest = thing.root / "forks.toml"
    manifest.write_text(manifest.read_text() + "\n[env.thing]\npython = '3.11'\nlocks = 'x'\n")
    assert thing.run("status") == 2
    assert "is already the name of a fork" in thing.err
