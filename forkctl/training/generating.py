"""`forkctl config`: from a suite, the data's facts and the checkpoint's own config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forkctl.checks import Check
from forkctl.configs import Config, as_text, as_yaml, with_settings
from forkctl.environments.binding import bind
from forkctl.environments.selecting import select
from forkctl.errors import UsageError
from forkctl.family import ConfigRequest, Family, Launcher
from forkctl.forks.manifest import Fork
from forkctl.forks.workspace import Workspace
from forkctl.patching.series.fork_tree import open_fork_tree
from forkctl.places import expanded
from forkctl.training.data import DataSet, default_facts, files_at, read_facts
from forkctl.training.validation import validate_config

Say = Callable[[str], None]


@dataclass(frozen=True)
class GenerateRequest:
    suite: str
    data: str | None = None
    checkpoint: str | None = None
    settings: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)


def generate(fork: Fork, family: Family, request: GenerateRequest, say: Say) -> Config:
    suite = suite_name(request.suite)
    entrypoint = fork.require_entrypoint()
    launcher = family.launcher(entrypoint)
    _check_choices(fork.name, family, request.choices)
    data = request.data or "${LIBERO_DATA}/" + suite
    facts = default_facts()
    if "${" not in data:
        place = expanded(Path(data)).absolute()
        found = read_facts(files_at(place, suite))
        say(_summary(found))
        facts = found.facts
        data = str(place if place.is_file() else found.files[0].parent)
    own_config, shapes, checkpoint = None, None, request.checkpoint
    if checkpoint is not None and "${" not in checkpoint and launcher.transfers:
        from forkctl.checkpoints.contents import open_checkpoint

        opened = open_checkpoint(expanded(Path(checkpoint)))
        own_config, shapes = opened.config, opened.shapes
        checkpoint = str(expanded(Path(checkpoint)).absolute())
    made = family.generate(
        entrypoint.kind,
        ConfigRequest(suite, data, facts, checkpoint, own_config, shapes, request.choices),
    )
    return with_settings(made, request.settings)


def as_written(family: Family, config: Config) -> str:
    """The text of a config file, in the form of the family."""
    return family.header + as_yaml(config) if family.header else as_text(config)


def _check_choices(fork: str, family: Family, chosen: Mapping[str, str]) -> None:
    for name, value in chosen.items():
        known = family.choices.get(name)
        if known is None:
            has = ", ".join(f"--{each}" for each in family.choices) or "none of the kind"
            raise UsageError(f"{fork} has no --{name}", hint=f"it has {has}")
        if value not in known:
            raise UsageError(f"no {name} {value!r}", hint=f"--{name} {' | '.join(known)}")


def suite_name(words: str) -> str:
    """The suite's name as in folder names: `libero_spatial`, or with `_no_noops`."""
    from forkctl.libero.suites import get_suite

    suite = get_suite(words)
    return suite.regenerated_name if words.endswith("_no_noops") else suite.name


def validate_generated(
    workspace: Workspace,
    fork: Fork,
    launcher: Launcher,
    config: Config,
    profile: str | None,
    own: str | None,
    say: Say,
) -> list[Check]:
    if launcher.validator is None:
        raise UsageError(
            f"the upstream of {fork.name} cannot be asked about a config",
            hint="leave --validate out; its kind of fork brings no validator",
        )
    tree = open_fork_tree(workspace, fork)
    environment = select(workspace, fork, profile, own).made(say)
    return validate_config(launcher, config, bind(tree, environment))


def _summary(data: DataSet) -> str:
    cameras = ", ".join(f"{each.key} {each.height}x{each.width}" for each in data.facts.cameras)
    seen = cameras or "no camera; " + ", ".join(name for name, _ in data.facts.low_dim)
    ranges = " ".join(
        f"[{low:.2g}, {high:.2g}]"
        for low, high in zip(data.action_low, data.action_high, strict=True)
    )
    return (
        f"{len(data.files)} files, {data.demos} demos, {data.steps} steps; {seen}\n"
        f"{data.facts.action_dim} actions: {ranges}"
    )
