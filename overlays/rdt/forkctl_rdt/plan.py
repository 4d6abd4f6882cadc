"""What a run is, once its options have been read and checked against the data.

`prepare` is called with the config as upstream has read it, before any model is loaded: whatever
can be wrong is found there, in seconds, and said in a sentence.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Mapping

from forkctl.errors import ForkctlError
from forkctl.inside.versions import made_by
from forkctl_rdt.checkpoints import check_start
from forkctl_rdt.dataset import LiberoDataset
from forkctl_rdt.options import SECTION, Options, options_of
from forkctl_rdt.sidecar import Sidecar, digest_of

Config = dict[str, Any]

# Where upstream's loader looks a dataset's name up, in this order.
_LISTS = ("configs/finetune_datasets.json", "configs/dataset_control_freq.json")
_STATISTICS = "configs/dataset_stat.json"


@dataclass(frozen=True)
class Plan:
    """Takes the place of the section in the config, and stands in the loader's part of it too."""

    options: Options
    sidecar: Sidecar
    dataset: LiberoDataset
    held_out: LiberoDataset | None = None  # what is sampled from, where some demos are held out


def plan_of(config: Mapping[str, Any]) -> Plan | None:
    """From the whole config or the loader's part; None where the run is upstream's own."""
    return config.get(SECTION)


def prepare(config: Config, args: Namespace) -> Config:
    try:
        plan = _plan(config, args)
    except ForkctlError as error:
        raise SystemExit(f"forkctl: {error}") from None
    # upstream's own loader would read configs/base.yaml again
    config["dataset"]["config_path"] = args.config_path
    if plan is not None:
        config[SECTION] = config["dataset"][SECTION] = plan
    return config


def for_sampling(loader_config: Config) -> Config:
    """The same loader on the demos that are held out, if some are."""
    plan = plan_of(loader_config)
    if plan is None or plan.held_out is None:
        return loader_config
    return {**loader_config, SECTION: replace(plan, dataset=plan.held_out)}


def _plan(config: Config, args: Namespace) -> Plan | None:
    options = options_of(config)
    if options is None:
        return None
    _check_flags(args)
    entry = _check_names(options)
    precomputed = args.precomp_lang_embed
    trained_on = LiberoDataset(options, config["common"], precomputed_language=precomputed)
    held_out = (
        LiberoDataset(options, config["common"], held_out=True, precomputed_language=precomputed)
        if options.holdout
        else None
    )
    if precomputed:
        _check_embeddings(options, trained_on)
    sidecar = _describe(options, entry, trained_on)
    check_start(args, options, sidecar)
    return Plan(options, sidecar, trained_on, held_out)


def _check_flags(args: Namespace) -> None:
    if not args.load_from_hdf5 or args.dataset_type != "finetune":
        raise ForkctlError(
            "this config is for LIBERO files, and the command line asks for other data",
            hint="add --load_from_hdf5 --dataset_type=finetune",
        )
    cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes")
    if args.deepspeed and ("LOCAL_RANK" not in os.environ or cpu):
        raise ForkctlError(
            "--deepspeed would be ignored without a word: accelerate uses it for what torchrun "
            "starts alone, and never with ACCELERATE_USE_CPU",
            hint="start main.py with torchrun, with one process too",
        )


def _check_names(options: Options) -> Mapping[str, Any]:
    """Upstream retries for ever where one of its lists lacks the name. The statistics' entry."""
    for upstream in (*_LISTS, _STATISTICS):
        path = options.config_file(upstream)
        names = _read_json(path)
        if options.dataset not in names:
            raise ForkctlError(
                f"the dataset {options.dataset!r} is not in {path}",
                hint="forkctl.configs names the folder of this run's own lists and statistics; "
                f"{upstream} is upstream's",
            )
    entry: Mapping[str, Any] = names[options.dataset]
    means = {name: entry.get(name, ()) for name in ("state_mean", "action_mean")}
    if any(len(values) != len(options.layout.mask()) for values in means.values()):
        raise ForkctlError(
            f"state_mean and action_mean of {options.dataset!r} are not 128 numbers each",
            where=path,
        )
    return entry


def _read_json(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForkctlError(f"cannot be read: {error}", where=path) from None


def _check_embeddings(options: Options, dataset: LiberoDataset) -> None:
    tasks = sorted({demo.file.task for demo in dataset.demos})
    missing = [task for task in tasks if not Path(options.embedding_file(task)).is_file()]
    if missing:
        raise ForkctlError(
            f"no embedding of {len(missing)} of {len(tasks)} tasks, as of {missing[0]}.pt",
            where=f"{SECTION}.embeddings: {options.embeddings}",
        )


def _describe(options: Options, entry: Mapping[str, Any], dataset: LiberoDataset) -> Sidecar:
    return Sidecar(
        representation=options.representation,
        joints=options.joints,
        robot_base=options.robot_base,
        units=options.layout.units(),
        alignment=dataset.alignment,
        rotate_images=options.rotate_images,
        control_hz=options.control_hz,
        dataset=options.dataset,
        holdout=options.holdout,
        statistics=digest_of(entry),
        action_mean=tuple(entry["action_mean"]),
        precomputed_language=dataset.precomputed_language,
        versions=made_by("torch", "accelerate", "diffusers", "transformers"),
        frame=dataset.frame_size,
    )
