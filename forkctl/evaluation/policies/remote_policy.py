"""A policy in another process: the fork's own Python, its own tree, its own libraries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forkctl.evaluation.policies.connection import PATIENCE_SECONDS, Connection, Launch, connect
from forkctl.evaluation.policies.policy import Conventions, Policy, Prediction, Query
from forkctl.forks.hashes import content_hash, file_hash
from forkctl.libero.units.conventions import Convention


@dataclass(frozen=True)
class RemotePolicy:
    """Loaded by `open`. `policy` is a worker module's name or a file's path."""

    policy: str
    checkpoint: Path | None  # a file of the user's may need none
    launch: Launch
    log: Path
    conventions: Mapping[str, Convention]  # those that its actions may be in
    device: str = "auto"
    options: Mapping[str, object] = field(default_factory=dict)
    patience: float = PATIENCE_SECONDS

    @property
    def identity(self) -> Mapping[str, object]:
        """The bytes count, not their place: shards on other machines have the same one."""
        code = named_code("policy", self.policy)
        if self.checkpoint is not None:
            code |= {"checkpoint": str(self.checkpoint), "sha256": content_hash(self.checkpoint)}
        return {**code, "options": dict(self.options)}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        words = ["forkctl.inside.policy_worker", self.policy]
        with connect(self.launch, words, self.log, "policy", self.patience) as connection:
            ready = connection.ask(
                {
                    "checkpoint": str(self.checkpoint) if self.checkpoint else None,
                    "device": self.device,
                    "options": dict(self.options),
                }
            )
            declared = Conventions.from_json(ready["ready"], self.conventions)
            yield _Loaded(connection, declared, ready["device"])


@dataclass(frozen=True)
class _Loaded:
    connection: Connection
    conventions: Conventions
    device: str  # where it was loaded

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return self._ask(queries, seed, {})

    def predict_as(self, variant: str, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return self._ask(queries, seed, {"variant": variant})

    def _ask(
        self, queries: Sequence[Query], seed: int, more: Mapping[str, object]
    ) -> Sequence[Prediction]:
        answer = self.connection.ask(
            {
                "observations": [dict(query.observation) for query in queries],
                "instructions": [query.instruction for query in queries],
                "seed": seed,
                **more,
            }
        )
        return [_prediction(each) for each in answer["predictions"]]


def _prediction(answer: Mapping[str, Any]) -> Prediction:
    tokens = answer.get("tokens")
    return Prediction(
        np.asarray(answer["actions"], dtype=np.float64),
        None if tokens is None else np.asarray(tokens, dtype=np.int64),
        answer.get("invalid"),
    )


def named_code(what: str, name: str) -> dict[str, str]:
    """For a record: a module by its name, a file of the user's by its content."""
    if not name.endswith(".py"):
        return {what: name}
    return {what: Path(name).name, f"{what}_sha256": file_hash(Path(name))}
