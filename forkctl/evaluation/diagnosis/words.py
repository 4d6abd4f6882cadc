"""A policy of tokens that says words in place of actions."""

from __future__ import annotations

from forkctl.evaluation.diagnosis.diagnosis import Diagnosis, Evidence, Kind

MOST = 0.1  # share of the tokens; a policy that has learned the format has none


def not_actions(evidence: Evidence) -> Diagnosis | None:
    """Such tokens decode, without a word, to one end of the range or the other."""
    share = evidence.table.value("invalid_tokens", "motion")
    if not share > MOST:  # NaN for a policy that has no tokens
        return None
    return Diagnosis(
        "not-actions",
        Kind.FAULT,
        "It predicts tokens that are not actions",
        (f"{100 * share:.0f} % of its tokens are not action tokens; each decodes to an end",),
        "It has not learned the format: a base that never saw robots, far too few steps, or "
        "another prompt than in training.",
        "Train on; the loss falls below 5 once only actions are said. Compare the prompts.",
    )
