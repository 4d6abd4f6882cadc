"""A small upstream with one training script and a `src` layout, which no family knows."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.driver import Upstream, Workspace, entry
from tests.standin import only_run

TRAIN = """
import argparse, json, os, pathlib, sys, time

import mine

parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--out", default=".")
parser.add_argument("--data")
parser.add_argument("--init")
parser.add_argument("--max-steps", type=int, default=4)
parser.add_argument("--resume")
parser.add_argument("--lr", type=float)
parser.add_argument("--fast", action="store_true")
parser.add_argument("--net.widths", nargs="*")
parser.add_argument("--act", default="train")
args = parser.parse_args()
out = pathlib.Path(args.out)
seen = {**vars(args), "cwd": os.getcwd(), "mine": mine.__file__, "launched": mine.launched}
if args.config:
    seen["text"] = pathlib.Path(args.config).read_text()
(out / "seen.json").write_text(json.dumps(seen))
first = int(pathlib.Path(args.resume).read_text()) + 1 if args.resume else 1
sink = open(os.environ["FORKCTL_METRICS"], "a") if args.act == "sink" else None
for step in range(first, args.max_steps + 1):
    if sink:
        print(json.dumps({"step": step, "loss": 10.0 / step}), file=sink, flush=True)
    told = step - first + 1 if args.act == "anew" else step
    print(f"step {told} loss {1 / step:.4f} rate 1e-3 epoch {(step + 1) // 2}", flush=True)
    (out / "saved").mkdir(exist_ok=True)
    (out / "saved" / f"step-{step}.pt").write_text(str(step))
    if args.act == "hang" and step == 2 and not args.resume:
        print("waiting", flush=True)
        time.sleep(600)
print("eval: step 4 loss 0.5")
"""

FILES = {
    "train.py": TRAIN,
    "src/mine/__init__.py": "launched = None\n",
    "src/mine/relative.py": "from . import launched\nimport json, pathlib, sys\n"
    "pathlib.Path('seen.json').write_text(json.dumps(sys.argv[1:]))\n",
    # what torch.distributed.run is to a real one: it starts the script in its own way
    "src/mine/launch.py": "import mine, runpy, sys\nmine.launched = sys.argv[1]\n"
    "sys.argv[:2] = []\nrunpy.run_path(sys.argv[0], run_name='__main__')\n",
}

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
HERE = ("--profile", "cpu", "--env", sys.executable)
ENVIRONMENT = f'[fork.mine.env]\npython = "{PYTHON}"\nlocks = "envs"\n'
OPTIONS = r"""
arguments = ["--config", "{config}", "--out", "{out}"]
data = ["--data", "{data}"]
ckpt = ["--init", "{ckpt}"]
steps = ["--max-steps", "{steps}"]
gpus = ["-m", "mine.launch", "{gpus}"]
resume = ["--resume", "{checkpoint}"]
checkpoints = "saved/*.pt"
metrics = 'step (?P<step>\d+) loss (?P<loss>\S+) rate (?P<lr>\S+)'
valid_metrics = 'eval: step (?P<step>\d+) loss (?P<loss>\S+)'
packages = ["mine"]
imports = ["json"]
"""


def describe(
    workspace: Workspace, upstream: Upstream, options: str = OPTIONS, environment: str = ENVIRONMENT
) -> None:
    """Write forks.toml, and nothing else: the upstream is of this commit already."""
    extra = f"""python_path = ["src"]
{environment}
[fork.mine.entrypoint]
file = "train.py"
kind = "script"
[fork.mine.entrypoint.options]
{options}"""
    workspace.manifest(entry(upstream, workspace.pin, name="mine", extra=extra))


def seen(workspace: Workspace) -> dict[str, Any]:
    """What the script of the only run was given."""
    read = json.loads((only_run(workspace) / "upstream/seen.json").read_text())
    assert isinstance(read, dict)
    return read
