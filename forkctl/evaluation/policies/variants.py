"""Another policy from the same load: the base of a fine-tuned checkpoint, say.

A fork's worker lists the variants that it has in its conventions. Loading 15 GB twice, only to
switch an adapter off, would cost minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from forkctl.errors import ForkctlError
from forkctl.evaluation.policies.policy import (
    Conventions,
    Policy,
    PolicySource,
    Prediction,
    Query,
    device_of,
)


class PolicyWithVariants(Policy, Protocol):
    """A policy that answers for others too; its conventions name them as `variants`."""

    def predict_as(
        self, variant: str, queries: Sequence[Query], seed: int
    ) -> Sequence[Prediction]: ...


@dataclass(frozen=True)
class Variant:
    """A policy source without a process of its own."""

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
                hint=f"name it: --{self.name} CHECKPOINT",
            )
        return _VariantPolicy(policy, self.name)  # type: ignore[arg-type]  # it has just said so


@dataclass(frozen=True)
class _VariantPolicy:
    policy: PolicyWithVariants
    name: str

    @property
    def conventions(self) -> Conventions:
        return self.policy.conventions

    @property
    def device(self) -> str:
        return device_of(self.policy)

    def predict(self, queries: Sequence[Query], seed: int) -> Sequence[Prediction]:
        return self.policy.predict_as(self.name, queries, seed)


def source_to_open(source: PolicySource) -> PolicySource:
    """The source whose process answers for this one."""
    return source.source if isinstance(source, Variant) else source


def policy_of(source: PolicySource, opened: Policy) -> Policy:
    """This source's policy, where `source_to_open` is open."""
    return source.of(opened) if isinstance(source, Variant) else opened
