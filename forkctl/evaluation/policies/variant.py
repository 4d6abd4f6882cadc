"""Another face of a policy that is loaded once: the base of a fine-tuned checkpoint, say.

A fork's worker lists the faces that it has in its conventions. Loading 15 GB twice, only to switch
an adapter off, would cost minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.policy import Conventions, Policy, PolicySource, Prediction, Query


class ManyFaced(Policy, Protocol):
    """A policy that answers for others too; its conventions name them as `variants`."""

    def predict_as(
        self, variant: str, queries: Sequence[Query], seed: int
    ) -> Sequence[Prediction]: ...


@dataclass(frozen=True)
class Variant:
    """A policy source that has no process of its own."""

    source: PolicySource
    name: str

    @property
    def identity(self) -> Mapping[str, object]:
        return {**self.source.identity, "variant": self.name}

    @contextmanager
    def open(self) -> Iterator[Policy]:
        with self.source.open() as policy:
            yield self.of(policy)

    def of(self, policy: Policy) -> Policy:
        if self.name not in policy.conventions.variants:
            raise ForkctlError(
                f"the checkpoint does not say what its {self.name} is",
                hint=f"Name it: --{self.name} CHECKPOINT.",
            )
        return _Face(policy, self.name)  # type: ignore[arg-type]  # it has just said that it is


@dataclass(frozen=True)
class _Face:
    policy: ManyFaced
    name: str

    @property
    def conventions(self) -> Conventions:
        return self.policy.conventions

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return self.policy.predict_as(self.name, queries, seed)


def loaded_as(source: PolicySource) -> PolicySource:
    """The source whose process answers for this one."""
    return source.source if isinstance(source, Variant) else source


def face_of(source: PolicySource, loaded: Policy) -> Policy:
    return source.of(loaded) if isinstance(source, Variant) else loaded
