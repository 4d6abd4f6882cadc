"""Ask a policy at every step of the held-out demos, and record its answers.

Open loop: at each step the policy sees the demonstrator's observation, never the consequence of its
own last action. That is quick, repeatable, and blind to drift; rollouts measure the rest.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from forkctl.errors import ForkctlError
from forkctl.evaluation.dimensions import WIDTH, Floats
from forkctl.evaluation.openloop.episodes import AS_DECLARED, Episode, ObservationChange
from forkctl.evaluation.openloop.predictions import EpisodePredictions, PredictionRecord
from forkctl.evaluation.policies.policy import (
    Policy,
    PolicySource,
    Prediction,
    check_prediction,
    device_of,
)
from forkctl.evaluation.policies.variants import policy_of, source_to_open
from forkctl.libero.schema import CAMERAS

# (steps done, steps in all, what is being asked)
OnStep = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Arm:
    """A policy under one view of the observations; each has its own lines in the record."""

    name: str
    source: PolicySource
    episodes: Sequence[Episode]
    change: ObservationChange = AS_DECLARED


def probe_arm_name(arm: str, change: ObservationChange) -> str:
    return f"{arm} | {change.name}"


def predict_arms(
    arms: Sequence[Arm], record: PredictionRecord, *, horizon: int, seed: int, on_step: OnStep
) -> None:
    """Fill the record. What it holds already is not asked again."""
    work = [(arm, e) for arm in arms for e in arm.episodes if (arm.name, e.name) not in record]
    total = sum(episode.steps for arm in arms for episode in arm.episodes)
    done = total - sum(episode.steps for _, episode in work)
    with ExitStack() as stack:
        opened: dict[int, Policy] = {}  # one load serves all of a policy's arms
        for arm, episode in work:
            on_step(done, total, arm.name)
            source = source_to_open(arm.source)
            if id(source) not in opened:
                stack.close()  # two large policies rarely fit side by side
                opened = {id(source): stack.enter_context(source.open())}
            policy = policy_of(arm.source, opened[id(source)])
            if not _is_worth_asking(policy, arm.change):
                done += episode.steps
                continue
            answers: list[Prediction] = []
            for batch in _batches(policy, arm, episode, seed):
                answers += batch
                on_step(done + len(answers), total, arm.name)
            record.add(_predictions(arm, episode, policy, answers, horizon))
            done += episode.steps


def _is_worth_asking(policy: Policy, change: ObservationChange) -> bool:
    """A probe needs a policy that sees what the probe changes."""
    seen = set(policy.conventions.observations)
    return change == AS_DECLARED or bool(seen & set(CAMERAS) if change.rotate else seen)


def _batches(policy: Policy, arm: Arm, episode: Episode, seed: int) -> Iterator[list[Prediction]]:
    """Batches never span demos, so that a resumed evaluation asks exactly what an unbroken one
    would."""
    wants = policy.conventions
    for first in range(0, episode.steps, wants.batch):
        steps = range(first, min(first + wants.batch, episode.steps))
        queries = [episode.query(step, wants, arm.change) for step in steps]
        # the same noise for each view of a step: probes then differ by the view only
        noise = zlib.crc32(f"{seed} {episode.name} {first}".encode())
        answers = list(policy.predict(queries, noise))
        if len(answers) != len(queries):
            raise ForkctlError(
                f"the policy gave {len(answers)} answers to {len(queries)} queries",
                where=episode.name,
                hint="predict() must answer each query once, in order",
            )
        yield answers


def _predictions(
    arm: Arm, episode: Episode, policy: Policy, answers: Sequence[Prediction], horizon: int
) -> EpisodePredictions:
    wants = policy.conventions
    convention = wants.actions
    for answer in answers:
        check_prediction(answer, wants.chunk, len(convention.dims))
    length = min(horizon, *(len(answer.actions) for answer in answers))
    chunks: Floats = np.stack([answer.actions[:length] for answer in answers]).astype(np.float64)
    tokens = [answer.tokens for answer in answers]
    invalid = [answer.invalid for answer in answers]
    pose = episode.poses(length) if convention.needs_pose else None
    libero = convention.decode(chunks, pose)
    assert libero.shape[-1] == WIDTH
    return EpisodePredictions(
        arm.name,
        episode.name,
        episode.task,
        episode.instruction,
        episode.file,
        episode.truth(),
        libero,
        np.array(tokens, dtype=np.int64) if all(t is not None for t in tokens) else None,
        np.array(invalid, dtype=np.int64) if all(i is not None for i in invalid) else None,
        {**wants.to_json(), "device": device_of(policy)},
    )
