"""A well-known command line for RDT on LIBERO, translated for `forkctl eval rollout`.

    python eval_sim/eval_rdt_libero.py --config configs/base.yaml --pretrained checkpoint-5000 \\
        --text_encoder T --vision_encoder V --benchmark libero_spatial --num_tasks 10 \\
        --max_steps 600 --record_video --video_output_dir videos

Nothing is evaluated here. Any Python will do: one with torch loads the policy too, otherwise the
fork's environment does, and LIBERO's simulator always runs in its own. Options of `forkctl eval
rollout` can be added as they are (--trials 20 --jobs 4); their paths start at the workspace.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

HERE = Path(__file__).absolute()
TREE = HERE.parents[1]
SIDE_CAR = "forkctl.json"


def whole(path: str) -> str:
    """A path that is there is meant from anywhere; a name on the hub stays a name."""
    return str(Path(path).absolute()) if Path(path).exists() else path


def checkpoint_of(path: str) -> str:
    """checkpoint-N, also where pytorch_model/mp_rank_00_model_states.pt of it is named."""
    given = Path(path).absolute()
    described = (each for each in (given, *given.parents[:2]) if (each / SIDE_CAR).is_file())
    return str(next(described, given))


def video(folder: str) -> List[str]:
    return ["--record-video", *(["--video-dir", str(Path(folder).absolute())] if folder else [])]


# Flag -> forkctl's own; nothing where the checkpoint itself says it.
BECOMES: Dict[str, Callable[[str], List[str]]] = {
    "config": lambda value: [],
    "pretrained": lambda value: ["--ckpt", checkpoint_of(value)],
    "text_encoder": lambda value: ["--policy-option", f"text_encoder={whole(value)}"],
    "vision_encoder": lambda value: ["--policy-option", f"vision_encoder={whole(value)}"],
    "benchmark": lambda value: ["--suite", value],
    "num_tasks": lambda value: ["--tasks", ",".join(map(str, range(int(value))))],
    "max_steps": lambda value: ["--max-steps", value],
    "execute": lambda value: ["--horizon", value],
    "record_video": video,
    "video_output_dir": lambda value: ["--video-dir", str(Path(value).absolute())],
}


def parsed() -> Tuple[argparse.Namespace, List[str]]:
    """Our flags, and words for forkctl."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--pretrained", "--checkpoint", required=True, help="checkpoint-N of a run")
    parser.add_argument("--config", help="of upstream; the checkpoint has what is needed of it")
    parser.add_argument("--text_encoder", help="default: the one that the run's record names")
    parser.add_argument("--vision_encoder", help="default: the one that the run's record names")
    parser.add_argument("--benchmark", default="libero_spatial", help="LIBERO's suite")
    parser.add_argument("--num_tasks", metavar="N", help="the first N of the suite; default: all")
    parser.add_argument("--max_steps", metavar="N", help="default: the suite's own cap")
    parser.add_argument("--execute", metavar="N", help="of 64 actions, before it plans again")
    parser.add_argument("--record_video", nargs="?", const="", metavar="FOLDER")
    parser.add_argument("--video_output_dir", metavar="FOLDER")
    return parser.parse_known_args()


def translated(asked: argparse.Namespace) -> Iterator[str]:
    for flag, words_of in BECOMES.items():
        value = getattr(asked, flag)
        if value is not None:
            words = words_of(value)
            print(f"--{flag} {value}".strip(), "->", shlex.join(words) or "the checkpoint has it")
            yield from words


def forkctl() -> List[str]:
    """The one that started this, or else the one on PATH."""
    python = os.environ.get("FORKCTL_PYTHON")
    found = shutil.which("forkctl")
    if python is None and found is None:
        sys.exit(
            "eval_rdt_libero.py: forkctl is not on PATH\n"
            f"Hint: install it, or start this by `forkctl env exec {TREE.name} -- python {HERE}`"
        )
    return [python, "-m", "forkctl"] if python else [str(found)]


def environment() -> Dict[str, str]:
    """forkctl must not import the fork's packages."""
    dropped = ("PYTHONPATH", "PYTHONNOUSERSITE")
    variables = {name: value for name, value in os.environ.items() if name not in dropped}
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    own = [each for each in places if each and (Path(each) / "forkctl" / "__main__.py").is_file()]
    return {**variables, "PYTHONPATH": os.pathsep.join(own)} if own else variables


def main() -> None:
    asked, rest = parsed()
    words = [*translated(asked), "--device", "auto"]
    if importlib.util.find_spec("torch") is not None:
        words += ["--env", sys.prefix]
    command = [*forkctl(), "eval", "rollout", TREE.name, *words, *rest]
    print(shlex.join(command), flush=True)
    workspaces = (folder for folder in TREE.parents if (folder / "forks.toml").is_file())
    os.chdir(next(workspaces, Path.cwd()))
    os.execvpe(command[0], command, environment())


if __name__ == "__main__":
    main()
