"""A series becomes commits: overlays first, then one commit per patch, all planned in memory.

All structural edits of all patches are located on the pristine text of a file, so that no patch
depends on what another one wrote, and the order of independent patches does not matter. A plain
patch is a diff against what came before it: the files it changes get its result as their new base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forkctl.errors import ForkctlError
from forkctl.patching.engine.render import diagnoses_of
from forkctl.patching.model import (
    CommitPlan,
    Patch,
    PatchOutcome,
    Verdict,
)
from forkctl.patching.series.commits import overlay_commit, patch_commit
from forkctl.patching.series.conditions import applies_to
from forkctl.patching.series.overlays import Overlay
from forkctl.patching.series.planner import FileState, PlainApplier, Planner, PristineTree

__all__ = ["PlainApplier", "PristineTree", "SeriesFailed", "SeriesPlan", "plan_series"]


@dataclass(frozen=True)
class SeriesPlan:
    commits: tuple[CommitPlan, ...]
    outcomes: tuple[PatchOutcome, ...]


class SeriesFailed(ForkctlError):
    """One or more patches do not apply; `outcomes` says how each of the series stands."""

    def __init__(self, fork: str, outcomes: Sequence[PatchOutcome]) -> None:
        self.outcomes = tuple(outcomes)
        failed = [outcome for outcome in outcomes if outcome.verdict.failed]
        parts = [f"{len(failed)} of {len(outcomes)} patches do not apply"]
        for outcome in failed:
            parts.append(f"{outcome.patch.title}: {outcome.verdict.value}")
            parts += [
                "  " + line
                for diagnosis in diagnoses_of(outcome.edits)
                for line in diagnosis.describe().splitlines()
            ]
        super().__init__(
            "\n".join(parts),
            where=fork,
            hint="mend the anchors named above, or leave a patch out with `--without NAME`",
        )


def plan_series(
    tree: PristineTree,
    fork: str,
    overlays: Sequence[Overlay],
    patches: Sequence[Patch],
    apply_plain: PlainApplier,
) -> SeriesPlan:
    """Every commit of a fork, or SeriesFailed with what is wrong with every failing patch."""
    _refuse_collisions(tree, fork, overlays)
    planner = Planner(
        tree, {o.path: FileState(o.content, o.content) for o in overlays}, apply_plain
    )
    commits = [overlay_commit(overlays)] if overlays else []
    outcomes: list[PatchOutcome] = []
    wanted = [patch for patch in patches if applies_to(patch, fork, tree)]
    planner.know(wanted)
    for patch in patches:
        if patch not in wanted:
            outcomes.append(PatchOutcome(patch, Verdict.NOT_FOR_THIS_FORK))
            continue
        outcome, changes = planner.take(patch)
        outcomes.append(outcome)
        if changes:
            commits.append(patch_commit(patch, changes))
    outcomes = planner.verified(outcomes)
    if any(outcome.verdict.failed for outcome in outcomes):
        raise SeriesFailed(fork, outcomes)
    return SeriesPlan(tuple(commits), tuple(outcomes))


def _refuse_collisions(tree: PristineTree, fork: str, overlays: Sequence[Overlay]) -> None:
    for overlay in overlays:
        parents = overlay.path.split("/")[:-1]
        folders = ["/".join(parents[:depth]) for depth in range(1, len(parents) + 1)]
        taken = overlay.path if tree.exists(overlay.path) else None
        taken = taken or next((f for f in folders if tree.read(f) is not None), None)
        if taken is not None:
            raise ForkctlError(
                f"the overlay `{overlay.series}` brings `{overlay.path}`, "
                f"but upstream has `{taken}`",
                where=fork,
                hint="give the overlay another path, or change upstream's file with a patch",
            )
