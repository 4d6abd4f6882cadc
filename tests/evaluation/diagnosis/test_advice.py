"""Advice speaks of the parts that a policy has: its family says which."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

import forkctl.evaluation.diagnosis as diagnosis
from forkctl.evaluation.diagnosis import diagnose
from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence
from forkctl.evaluation.openloop.metrics.table import measure
from forkctl.families.registry import families
from forkctl.family import Family
from tests.evaluation.demos import pairs_of, scale
from tests.evaluation.diagnosis import test_faults

pytestmark = pytest.mark.slow

TOKEN_PARTS = re.compile(r"token|adapter|lora|dataset_statistics|q01", re.IGNORECASE)
FAMILIES = {family.name: family for family in families()}


def every_verdict(advice: dict[str, str]) -> Iterator[Diagnosis]:
    """On a policy without tokens, with each fault that the tests know."""
    found = vars(test_faults)
    names = ("never", "mean", "favourite", "noise", "hardly", "one_token", "inverted_y")
    names += ("swapped_x_y", "turned_gripper", "openvla_gripper", "open_gripper", "metres")
    names += ("four_summed", "normalised", "other_statistics", "one_step_late", "apprentice")
    for name in names:
        pairs = pairs_of(found[name])
        evidence = Evidence(pairs, measure(pairs, scale(), resamples=50), scale())
        yield from diagnose(evidence, advice)


@pytest.mark.parametrize("name", ["robomimic", "rdt", "script"])
def test_a_policy_without_tokens_and_adapters_hears_of_neither(name: str) -> None:
    verdicts = list(every_verdict(dict(FAMILIES[name].advice)))
    assert len({verdict.name for verdict in verdicts}) >= 14
    for each in verdicts:
        said = " ".join((each.name, each.title, *each.evidence, each.cause, each.mend))
        assert not TOKEN_PARTS.search(said), said


def test_a_policy_of_tokens_is_told_of_its_token() -> None:
    pairs = pairs_of(test_faults.one_token)
    spoken = type(pairs)(**{**vars(pairs), "tokens": np.zeros((pairs.rows, 7), dtype=np.int64)})
    evidence = Evidence(spoken, measure(spoken, scale(), resamples=50), scale())
    (verdict,) = diagnose(evidence, FAMILIES["openvla"].advice)
    assert verdict.name == "collapse-to-token"
    assert "token" in verdict.title and "adapters" in verdict.mend


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_families_advise_on_verdicts_that_there_are(family: Family) -> None:
    known = set(diagnosis.EXPLAINS).union(*diagnosis.EXPLAINS.values())
    assert set(family.advice) <= known
    assert all(re.fullmatch(r"\S.*\.", text, re.DOTALL) for text in family.advice.values())


def test_advice_is_added_to_its_own_verdict_alone() -> None:
    pairs = pairs_of(test_faults.metres)
    evidence = Evidence(pairs, measure(pairs, scale(), resamples=50), scale())
    (plain,) = diagnose(evidence)
    (advised,) = diagnose(evidence, {"unit-error": "Look there.", "random": "Not there."})
    assert advised.mend == f"{plain.mend} Look there."
