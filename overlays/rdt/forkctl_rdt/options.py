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

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

from forkctl.errors import ForkctlError
from forkctl.families.rdt.vectors import REPRESENTATIONS, RdtLayout
from forkctl.inside.checked import option, read
from forkctl.libero.alignment import ALIGNMENTS, AUTO

SECTION = "forkctl"


@dataclass(frozen=True)
class Options:
    """All paths are absolute."""

    dataset: str
    files: tuple[str, ...]
    representation: str = option(REPRESENTATIONS[0], among=REPRESENTATIONS)
    # fill the joint angles, in state and action
    joints: bool = False
    # of observations and actions; auto looks at the files
    alignment: str = option(AUTO, among=(AUTO, *ALIGNMENTS))
    # so many last demos of each file are not trained on, but sampled from
    holdout: int = option(0, least=0)
    # LIBERO stores its frames upside down; RDT was trained on upright ones
    rotate_images: bool = True
    # metres, subtracted from positions in space
    robot_base: tuple[float, float, float] = (0.0, 0.0, 0.0)
    control_hz: float = option(20.0, above=0)
    seed: int = option(0, least=0)
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
            raise ForkctlError(
                "--precomp_lang_embed needs the key 'embeddings'",
                where=SECTION,
                hint="set it to a folder with a <task>.pt for each task",
            )
        return str(Path(self.embeddings) / f"{task}.pt")


def options_of(config: Mapping[str, Any]) -> Options | None:
    """From a whole config; None where it has no section of ours."""
    section = config.get(SECTION)
    if section is None:
        return None
    options = read(Options, section, f"{SECTION}.")
    if not options.files:
        raise ForkctlError("is empty; expected files, or folders of them", where=f"{SECTION}.files")
    for name in ("embeddings", "configs"):
        folder = getattr(options, name)
        if folder is not None and not Path(folder).is_dir():
            raise ForkctlError("there is no such folder", where=f"{SECTION}.{name}: {folder}")
    return options
