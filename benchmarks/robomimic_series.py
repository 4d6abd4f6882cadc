"""What the robomimic series costs and gains: loader and training steps, patched next to pristine.

    python benchmarks/robomimic_series.py --python ENV/bin/python [--rounds 3]

Both trees are laid out by forkctl in a temporary folder; `pristine` has only the patches without
which it cannot be imported offline. Rounds alternate between the trees, medians are reported, and
all times are CPU times: the machine's other work comes and goes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHILD = Path(__file__).with_name("robomimic_series_child.py")
IMPORTABLE = ("0006-lazy-language-model.yaml", "0007-lazy-imports-droid.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="of an environment of the fork")
    parser.add_argument("--fork", default="robomimic", choices=["robomimic", "droid"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table = measure(args, Path(scratch))
    if args.json:
        print(json.dumps(table, indent=2))
        return
    for name, row in table.items():
        print(f"{name:34s} {row['pristine']:>10.2f} {row['patched']:>10.2f} {row['ratio']:>8.3f}")


def measure(args: argparse.Namespace, scratch: Path) -> dict[str, dict[str, float]]:
    trees = {
        "pristine": lay_out(scratch / "pristine", args.fork, IMPORTABLE),
        "patched": lay_out(scratch / "patched", args.fork, None),
    }
    forkctl("data", "synth", "libero_spatial", "--tasks", "1", "--out", str(scratch / "data"))
    (data,) = (scratch / "data").glob("**/*.hdf5")
    answers: dict[str, list[dict[str, float]]] = {"pristine": [], "patched": []}
    for _ in range(args.rounds):
        for name, tree in trees.items():
            answers[name].append(ask(args, tree, data, pristine=name == "pristine"))
    table = {}
    for key in answers["patched"][0]:
        here = statistics.median(answer[key] for answer in answers["patched"])
        before = [answer[key] for answer in answers["pristine"] if key in answer]
        there = statistics.median(before) if before else float("nan")
        table[key] = {"pristine": there, "patched": here, "ratio": here / there}
    return table


def ask(args: argparse.Namespace, tree: Path, data: Path, *, pristine: bool) -> Any:
    words = {"fork": args.fork, "pristine": pristine, "data": str(data), "steps": args.steps}
    helpers = ROOT / "tests" / "upstream" / "robomimic"
    done = subprocess.run(
        [args.python, str(CHILD), json.dumps(words)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tree), str(ROOT), str(helpers)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
        },
        cwd=tree,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def lay_out(root: Path, fork: str, keep: tuple[str, ...] | None) -> Path:
    shutil.copytree(ROOT / "overlays" / "robomimic", root / "overlays" / "robomimic")
    (root / "patches" / "robomimic").mkdir(parents=True)
    for patch in (ROOT / "patches" / "robomimic").iterdir():
        if keep is None or patch.name in keep:
            shutil.copy(patch, root / "patches" / "robomimic")
    shutil.copy(ROOT / "forks.toml", root)
    forkctl("sync", fork, cwd=root)
    forkctl("apply", fork, cwd=root)
    return root / "forks" / fork


def forkctl(*words: str, cwd: Path = ROOT) -> None:
    subprocess.run(
        [sys.executable, "-m", "forkctl", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    main()
