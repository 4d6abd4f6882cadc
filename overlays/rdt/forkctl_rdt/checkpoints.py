"""Which checkpoint a run may go on from, what is written beside a new one, and which go.

The side-car is the last file of a checkpoint to be written: one without it was cut short, or is
not ours.
"""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path

from forkctl.errors import ForkctlError
from forkctl.inside.sidecar import FILE, whole_checkpoints
from forkctl_rdt.options import Options
from forkctl_rdt.sidecar import Sidecar, check_fits

_PUBLISHED = "robotics-diffusion-transformer/"
_NUMBERED = "checkpoint-"


def check_start(args: Namespace, options: Options, sidecar: Sidecar) -> None:
    """Refuse to go on from what was made under other terms; "latest" becomes a name."""
    if args.resume_from_checkpoint == "latest":
        args.resume_from_checkpoint = _latest(Path(args.output_dir))
    if args.resume_from_checkpoint:
        folder = Path(args.output_dir) / Path(args.resume_from_checkpoint).name
        if not folder.is_dir():
            raise ForkctlError("there is no such checkpoint", where=str(folder))
        check_fits(folder, sidecar, resume=True)
    elif args.pretrained_model_name_or_path and not options.trust_pretrained:
        _check_pretrained(args.pretrained_model_name_or_path, sidecar)


def checkpoint_saved(folder: str, sidecar: Sidecar, keep: int | None) -> None:
    """On one process, when everything else of the checkpoint is there."""
    sidecar.write(folder)
    if keep is not None and keep > 0:
        complete = list(whole_checkpoints(Path(folder).parent, _NUMBERED).values())
        for old in complete[:-keep]:
            # without its side-car it is not a checkpoint, should the rest be interrupted
            (old / FILE).unlink()
            shutil.rmtree(old)


def _check_pretrained(name: str, sidecar: Sidecar) -> None:
    path = Path(name)
    if path.is_file():  # <checkpoint-N>/pytorch_model/mp_rank_00_model_states.pt
        above = [folder for folder in path.parents[:3] if (folder / FILE).exists()]
        check_fits(above[0] if above else path.parent, sidecar, resume=False)
    elif path.is_dir():
        check_fits(path, sidecar, resume=False)
    elif not name.startswith(_PUBLISHED):
        raise ForkctlError(
            f"nothing is known of the model {name!r}",
            hint="name a folder, or set forkctl.trust_pretrained to start from it all the same",
        )


def _latest(output_dir: Path) -> str | None:
    """The newest whole checkpoint; None where there is none of any kind, and the run is new."""
    complete = whole_checkpoints(output_dir, _NUMBERED)
    if complete:
        return complete[max(complete)].name
    unknown = [path.name for path in output_dir.glob(f"{_NUMBERED}*")]
    if unknown:
        raise ForkctlError(
            f"nothing says what the numbers of {', '.join(sorted(unknown))} mean: no {FILE}",
            where=str(output_dir),
            hint="they were cut short or not made by forkctl: start anew, in another folder",
        )
    return None
