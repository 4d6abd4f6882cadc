"""The `forkctl:` section of a run's config: what upstream's own flags cannot say.

The file that `--config_path` names holds upstream's keys (common, dataset, model) and this section:

    forkctl:
      dataset: libero_spatial           # the name in dataset lists and statistics
      files: [/data/pick_up_demo.hdf5]  # LIBERO files, or folders of them
      representation: delta             # delta, velocity or absolute
      configs: /runs/7/configs          # this run's dataset_stat.json and its siblings

Without the section the tree behaves as upstream's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Mapping

from forkctl.errors import ForkctlError
from forkctl.families.rdt.vectors import REPRESENTATIONS, RdtLayout
from forkctl.libero.alignment import ALIGNMENTS, AUTO

SECTION = "forkctl"


class OptionsError(ForkctlError):
    """The section says something that is not understood, or lacks something."""


@dataclass(frozen=True)
class Options:
    """All paths are absolute. A key of the section that is not a field here is refused."""

    dataset: str
    files: tuple[str, ...]
    representation: str = "delta"
    # fill the joint angles, in state and action
    joints: bool = False
    # of observations and actions; auto looks at the files
    alignment: str = AUTO
    # so many last demos of each file are not trained on, but sampled from
    holdout: int = 0
    # LIBERO stores its frames upside down; RDT was trained on upright ones
    rotate_images: bool = True
    # metres, subtracted from positions in space
    robot_base: tuple[float, float, float] = (0.0, 0.0, 0.0)
    control_hz: float = 20.0
    seed: int = 0
    # a folder of precomputed <task>.pt; used with --precomp_lang_embed
    embeddings: str | None = None
    # a folder of files that stand in for those of the same names in upstream's configs/
    configs: str | None = None
    # without mixed precision of its own, RDT is built in bf16 and small updates are lost
    master_weights: bool = True
    # --pretrained_model_name_or_path may name a model without a fitting side-car
    trust_pretrained: bool = False

    @property
    def layout(self) -> RdtLayout:
        return RdtLayout(self.representation, self.joints, self.robot_base)

    def config_file(self, upstream: str) -> str:
        """The run's own file in the place of upstream's "configs/<name>", where there is one."""
        if self.configs is None:
            return upstream
        own = Path(self.configs) / Path(upstream).name
        return str(own) if own.exists() else upstream

    def embedding_file(self, task: str) -> str:
        if self.embeddings is None:
            raise OptionsError(
                "--precomp_lang_embed needs the key 'embeddings'",
                where=SECTION,
                hint="It is a folder with a <task>.pt for each task.",
            )
        return str(Path(self.embeddings) / f"{task}.pt")

    def to_section(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in asdict(self).items()}


def options_of(config: Mapping[str, Any]) -> Options | None:
    """From a whole config; None where it has no section of ours."""
    section = config.get(SECTION)
    if section is None or isinstance(section, Options):
        return section
    if not isinstance(section, Mapping):
        raise OptionsError("is not a mapping of keys to values", where=SECTION)
    known = {field.name for field in fields(Options)}
    unknown = sorted(set(section) - known)
    if unknown:
        raise OptionsError(
            f"unknown keys: {', '.join(unknown)}",
            where=SECTION,
            hint=f"Known: {', '.join(sorted(known))}.",
        )
    missing = [name for name in ("dataset", "files") if not section.get(name)]
    if missing:
        raise OptionsError(f"needs {' and '.join(missing)}", where=SECTION)
    return _checked(Options(**{name: _frozen(value) for name, value in section.items()}))


def _checked(options: Options) -> Options:
    for field in fields(Options):
        value = getattr(options, field.name)
        if not _CHECKS[field.name](value):
            raise OptionsError(f"{value!r} will not do", where=f"{SECTION}.{field.name}")
    for name in ("embeddings", "configs"):
        folder = getattr(options, name)
        if folder is not None and not Path(folder).is_dir():
            raise OptionsError("there is no such folder", where=f"{SECTION}.{name}: {folder}")
    return options


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_text_or_none(value: Any) -> bool:
    return value is None or _is_text(value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_CHECKS = {
    "dataset": _is_text,
    "files": lambda value: isinstance(value, tuple) and all(map(_is_text, value)),
    "representation": lambda value: value in REPRESENTATIONS,
    "joints": _is_flag,
    "alignment": lambda value: value in (AUTO, *ALIGNMENTS),
    "holdout": _is_count,
    "rotate_images": _is_flag,
    "robot_base": lambda value: (
        isinstance(value, tuple) and len(value) == 3 and all(map(_is_number, value))
    ),
    "control_hz": lambda value: _is_number(value) and value > 0,
    "seed": _is_count,
    "embeddings": _is_text_or_none,
    "configs": _is_text_or_none,
    "master_weights": _is_flag,
    "trust_pretrained": _is_flag,
}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
