"""The checks before a run. Each is a function; all are reported together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from forkctl import checks
from forkctl.checkpoints.contents import Checkpoint
from forkctl.checkpoints.unpickling import check_plain
from forkctl.checks import Check
from forkctl.configs import Config
from forkctl.environments.binding import Place
from forkctl.family import Launcher
from forkctl.patching.series.fork_tree import ForkTree
from forkctl.places import cache_root
from forkctl.training.model_description import describe_model

_SHOWN = 4


def check_fork(tree: ForkTree, changes: Sequence[str], allow_dirty: bool) -> list[Check]:
    name = tree.fork.name
    if tree.behind is not None:
        hint = f"forkctl sync {name} && forkctl apply {name}"
        return [checks.failed("fork", f"{name} {tree.behind}", hint)]
    if not changes:
        return [checks.ok("fork", f"{name} at tree {tree.state.tree[:12]}")]
    text = f"{name} has uncommitted changes: {', '.join(changes[:_SHOWN])}"
    if len(changes) > _SHOWN:
        text += f" and {len(changes) - _SHOWN} more"
    if allow_dirty:
        return [checks.warning("fork", f"{text} (recorded as changes.diff)")]
    hint = f"commit them and `forkctl save {name}`, or --allow-dirty to record them with the run"
    return [checks.failed("fork", text, hint)]


def check_gpus(gpus: int | None, processes: int, fork: str) -> list[Check]:
    """Of the cuda profile: torch would take the CPU without a word, for weeks. `gpus` is None where
    nothing was asked, or torch is not there."""
    if gpus is None:
        return []
    if gpus == 0:
        hint = (
            "nvidia-smi says what the driver sees, and CUDA_VISIBLE_DEVICES may hide it; "
            f"`forkctl run {fork}` --profile cpu trains on the CPU"
        )
        return [checks.failed("gpu", "torch sees no GPU, and the profile is cuda", hint)]
    if gpus < processes:
        text = f"torch sees {gpus}, for {processes} processes"
        return [checks.failed("gpu", text, f"--gpus {gpus}, or give the run more")]
    return [checks.ok("gpu", f"torch sees {gpus}, for {processes} {_word(processes)}")]


def _word(processes: int) -> str:
    return "process" if processes == 1 else "processes"


def check_data(files: Sequence[Path], fingerprint: str) -> list[Check]:
    """Validate the files, once for each state that they are in."""
    from forkctl.libero.validation import Severity, validate

    kept = cache_root() / "validated" / f"{fingerprint}.json"
    try:
        answer = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        report = validate(list(files), images=False)
        errors = [found for found in report.findings if found.severity is Severity.ERROR]
        answer = {
            "errors": [f"{found.code} {found.where}: {found.detail}" for found in errors],
            "warnings": report.count(Severity.WARNING),
        }
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(answer), encoding="utf-8")
    folder = files[0].parent
    errors, warnings = answer["errors"], answer["warnings"]
    if errors:
        text = f"{len(errors)} errors in {folder}: {'; '.join(errors[:_SHOWN])}"
        return [checks.failed("data", text, f"forkctl data validate {folder}")]
    if warnings:
        text = f"{len(files)} files valid, with {warnings} warnings"
        return [checks.warning("data", text, f"forkctl data validate {folder}")]
    return [checks.ok("data", f"{len(files)} files valid")]


def check_weights(checkpoint: Path) -> list[Check]:
    """Upstream may load them with torch's own pickle, which runs what they name."""
    check_plain(checkpoint)
    return []


def plan_checkpoint(
    launcher: Launcher, checkpoint: Checkpoint, config: Config, place: Place
) -> list[Check]:
    """Build the real model in the fork's environment and plan the transfer into it."""
    from forkctl.checkpoints.transfer import plan_transfer, refusal

    model = describe_model(launcher, config, place)
    if model is None:
        return []
    if model.strict:
        return [checks.ok("transfer", "all of it, or upstream fails (strict_weight_loading)")]
    plan = plan_transfer(checkpoint.nets, model.tensors, model.rules)
    refused = refusal(plan)
    text = (
        f"{len(plan.taken)} of {len(plan.moves)} tensors, "
        f"visual encoder {len(plan.visual_taken)} of {len(plan.visual)}"
    )
    if refused is not None:
        return [checks.failed("transfer", f"{text}: {refused.message}", refused.hint)]
    return [checks.ok("transfer", text)]


def check_disk(folder: Path, needed: int) -> list[Check]:
    place = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(place).free
    text = f"{_gigabytes(free)} free"
    if needed:
        text += f", about {_gigabytes(needed)} for checkpoints"
    if free < needed:
        hint = "save less often, or run where there is room"
        return [checks.failed("disk", text, hint)]
    return [checks.ok("disk", text)]


def _gigabytes(size: int) -> str:
    return f"{size / 10**9:.1f} GB"
