"""A small upstream of our own that speaks like robomimic, for runs without torch (a plugin).

Its train.py takes `--config`, writes metrics, a log and a checkpoint, and `--act` makes it end in
the ways that real ones do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forkctl.places import cache_root
from tests.driver import Upstream, Workspace, entry

CONFIG_MODULE = '''
class Config(dict):
    """Refuses keys that it has not, as upstream's does."""
    is_key_locked = False
    def lock_keys(self): self.is_key_locked = True
    def unlock(self): self.is_key_locked = False
    def values_unlocked(self): return self
    def __enter__(self): self.is_key_locked = True
    def __exit__(self, *exc): self.is_key_locked = False
    def update(self, values):
        for key in values:
            if key not in self:
                raise RuntimeError(f"no key {key}")

def config_factory(name):
    return Config(algo_name=name, experiment={}, train={}, algo={}, observation={})
'''

TRAIN = """
import argparse, json, os, pathlib, pickle, subprocess, sys, time, zipfile

parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--resume", action="store_true")
parser.add_argument("--act", default="train")
args = parser.parse_args()
config = json.load(open(args.config))
out = pathlib.Path(config["train"]["output_dir"], config["experiment"]["name"], "0")
(out / "models").mkdir(parents=True, exist_ok=args.resume)
import robomimic, forkctl.libero
print("code from", robomimic.__file__)
print("[ObsUtils] hello", flush=True)
if args.act == "raise":
    raise ValueError("the learning rate is negative")
if args.act == "say":
    print("run failed with error:\\nno such dataset\\n\\nTraceback: ...")
    sys.exit(0)
if args.act == "hang":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path("worker.pid").write_text(str(child.pid))
    print("waiting", flush=True)
    time.sleep(600)
epochs, steps = config["train"]["num_epochs"], config["experiment"]["epoch_every_n_steps"]
sink = open(os.environ["FORKCTL_METRICS"], "a") if args.act in ("sink", "diverge") else None
loss = (lambda step: float("nan")) if args.act == "diverge" else (lambda step: 1.0 / step)
for epoch in range(2 if args.resume else 1, epochs + 1):
    for step in range(1, steps + 1):
        if sink:
            line = {"step": (epoch - 1) * steps + step, "epoch": epoch, "loss": loss(step)}
            sink.write(json.dumps(line) + "\\n")
            sink.flush()
            time.sleep(0.1 if args.act == "diverge" else 0)
    print("Train Epoch", epoch)
    print(json.dumps({"Loss": loss(epoch), "Time_Epoch": 0.1}, indent=4))
    with zipfile.ZipFile(out / "models" / f"model_epoch_{epoch}.pth", "w") as weights:
        weights.writestr("archive/data.pkl", pickle.dumps({"epoch": epoch}, protocol=2))
print("finished run successfully!")
"""

UPSTREAM = {
    "robomimic/__init__.py": "",
    "robomimic/config/__init__.py": CONFIG_MODULE,
    "robomimic/scripts/train.py": TRAIN,
}

ENVIRONMENT = f"""
[fork.thing.env]
python = "{sys.version_info[0]}.{sys.version_info[1]}"
locks = "envs"
[fork.thing.entrypoint]
file = "robomimic/scripts/train.py"
kind = "{{kind}}"
"""


@pytest.fixture(scope="session")
def suite(synthetic: Callable[..., Path]) -> Path:
    """Two small files of libero_spatial, in a folder of the suite's name."""
    return synthetic(tasks=2, demos=2)


@pytest.fixture
def make_thing(workspace: Workspace, upstream: Upstream) -> Callable[[str], Workspace]:
    def make(kind: str) -> Workspace:
        cache_root().mkdir()
        (cache_root() / "pycache").symlink_to(
            str(sys.pycache_prefix)
        )  # compiled once for all tests
        commit = upstream.commit(UPSTREAM)
        workspace.manifest(entry(upstream, commit, extra=ENVIRONMENT.format(kind=kind)))
        workspace.write(
            {"envs/cpu.txt": "# our own Python runs the tests\n", ".gitignore": "runs/\n"}
        )
        workspace.ok("sync")
        workspace.ok("apply")
        return workspace

    return make


@pytest.fixture
def thing(make_thing: Callable[[str], Workspace]) -> Workspace:
    """A workspace with the stand-in laid out."""
    return make_thing("robomimic")


@pytest.fixture
def config(thing: Workspace, suite: Path) -> Path:
    """A config of two epochs of three steps, on the small suite."""
    return write_config(thing, data=[{"path": str(suite)}])


def write_config(workspace: Workspace, **train: Any) -> Path:
    path = workspace.root / "config.json"
    written = {
        "algo_name": "bc",
        "experiment": {"name": "trial", "epoch_every_n_steps": 3, "save": {"enabled": True}},
        "train": {"num_epochs": 2, **train},
    }
    path.write_text(json.dumps(written))
    return path


def only_run(workspace: Workspace) -> Path:
    (found,) = (workspace.root / "runs").glob("*/*")
    return found


def record(workspace: Workspace) -> dict[str, Any]:
    read = json.loads((only_run(workspace) / "run.json").read_text())
    assert isinstance(read, dict)
    return read


def metrics(workspace: Workspace) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for line in (only_run(workspace) / "metrics.jsonl").read_text().splitlines()
    ]
