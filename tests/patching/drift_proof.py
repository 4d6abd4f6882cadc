"""Patches on every version that upstream ever had, each result held against what it must be."""

from __future__ import annotations

import ast
import enum
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import Fork
from forkctl.patching.drift.history import (
    FileHistory,
    file_histories,
    open_history,
    read_blobs,
)
from forkctl.patching.model import StructuralPatch, Verdict
from forkctl.patching.reading.loading import load_patch
from tests.patching import expected_edits as robomimic
from tests.patching import expected_edits_vla as vla
from tests.patching.engine_support import applied
from tests.patching.expected_edits import Code, ExpectedEdit

TRAIN = "robomimic/scripts/train.py"
FINETUNE = "vla-scripts/finetune.py"
DATASETS = "prismatic/vla/datasets/datasets.py"

EDITS = (
    ExpectedEdit(
        "robomimic",
        "0001-config-keys.yaml",
        "robomimic/config/base_config.py",
        robomimic.config_keys,
    ),
    ExpectedEdit(
        "robomimic",
        "0002-image-resize.yaml",
        "robomimic/utils/obs_utils.py",
        robomimic.image_resize,
    ),
    ExpectedEdit(
        "robomimic", "0003-checkpoint-transfer.yaml", TRAIN, robomimic.checkpoint_transfer
    ),
    ExpectedEdit("robomimic", "0005-exit-code.yaml", TRAIN, robomimic.exit_code),
    ExpectedEdit(
        "robomimic",
        "0006-lazy-language-model.yaml",
        "robomimic/utils/lang_utils.py",
        robomimic.lazy_language_model,
    ),
    ExpectedEdit("openvla", "0001-lazy-rlds.yaml", DATASETS, vla.lazy_rlds),
    ExpectedEdit("openvla", "0002-lazy-statistics.yaml", FINETUNE, vla.lazy_statistics),
    ExpectedEdit("openvla", "0003-device.yaml", FINETUNE, vla.choose_device),
    ExpectedEdit("openvla", "0004-optional-wandb.yaml", FINETUNE, vla.optional_wandb),
    ExpectedEdit("openvla", "0005-one-process.yaml", FINETUNE, vla.one_process),
    ExpectedEdit("openvla", "0006-libero-run.yaml", FINETUNE, vla.libero_run),
    ExpectedEdit("rdt", "0001-persistent-workers.yaml", "train/train.py", vla.persistent_workers),
    ExpectedEdit("rdt", "0002-bounded-retry.yaml", "train/dataset.py", vla.bounded_retry),
    ExpectedEdit("rdt", "0003-unwrap-model.yaml", "train/train.py", vla.unwrap_to_load),
    ExpectedEdit("rdt", "0003-unwrap-model.yaml", "train/sample.py", vla.unwrap_to_sample),
)


class Judgement(enum.Enum):
    RIGHT = "right"
    MISSED = "missed"  # there is a place, and the patch was not made
    WRONG = "wrong"  # something came out, and it is not what must come out
    REFUSED = "rightly refused"  # there is no place, and the patch was not made


@dataclass(frozen=True)
class Pair:
    """One edit on one version, and the code that must come out, if any may."""

    edit: ExpectedEdit
    fork: str
    blob: str
    subject: str
    before: bytes
    expected: ast.Module | None
    at_pin: bool

    def judge(self, after: bytes | None) -> Judgement:
        """`after` is None where the tool gave up or had nothing to do."""
        if after is None:
            return Judgement.REFUSED if self.expected is None else Judgement.MISSED
        if self.expected is not None and same_code(after, self.expected):
            return Judgement.RIGHT
        return Judgement.WRONG


def same_code(after: bytes, expected: ast.Module) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(after)) == ast.dump(expected)
    except (SyntaxError, ValueError):
        return False


def pairs_of(
    edit: ExpectedEdit, patches: Path, forks: Sequence[Fork], fetcher: Fetcher
) -> list[Pair]:
    """The edit on every version of its file, in each fork of its series that it is for."""
    patch, code = load_patch(patches / edit.series / edit.patch, edit.series), edit.code(patches)
    pairs: dict[str, Pair] = {}
    for fork in forks:
        if edit.series not in fork.series or (patch.forks and fork.name not in patch.forks):
            continue
        history, contents = versions_of(fork, edit.path, fetcher)
        for version in history.versions:
            before = contents[version.blob]
            pairs.setdefault(
                version.blob,
                Pair(
                    edit,
                    fork.name,
                    version.blob,
                    version.first.subject,
                    before,
                    expected_of(edit, before, code),
                    version.blob == history.at_pin,
                ),
            )
    return list(pairs.values())


def versions_of(fork: Fork, path: str, fetcher: Fetcher) -> tuple[FileHistory, Mapping[str, bytes]]:
    upstream = open_history(fork, fetcher, refetch=False, say=lambda message: None)
    (history,) = file_histories(upstream, [path])
    blobs = [version.blob for version in history.versions]
    return history, read_blobs(upstream.repo, fork, fetcher, blobs)


def expected_of(edit: ExpectedEdit, before: bytes, code: Code) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # upstream's invalid escapes
        return edit.expected(before, code)


def structural(edit: ExpectedEdit, patches: Path) -> StructuralPatch:
    """The part of the patch that is about the file."""
    patch = load_patch(patches / edit.series / edit.patch, edit.series)
    assert isinstance(patch, StructuralPatch)
    files = tuple(file for file in patch.files if file.path == edit.path)
    return replace(patch, files=files, forks=(), when=())


def rendered(patch: StructuralPatch, before: bytes) -> bytes | None:
    """What the engine makes of a version; None if it refuses or finds nothing to do."""
    outcome, after = applied(patch, before)
    return after if outcome.verdict is Verdict.CLEAN else None
