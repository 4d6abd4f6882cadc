"""How much of upstream's history each patch applies to, for a list of patches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forkctl.patching.drift.looking import ForkDrift


@dataclass(frozen=True)
class Coverage:
    """Versions of the patch's files, in all forks of its series, and on how many it applies."""

    applies: int
    versions: int

    def __str__(self) -> str:
        return f"{self.applies} of {self.versions}"


def coverage_of(drifts: Sequence[ForkDrift]) -> Mapping[str, Coverage]:
    """By the patch's title. A version that several forks have in common counts once."""
    verdicts: dict[tuple[str, str, str], bool] = {}
    for fork in drifts:
        for file in fork.files:
            blobs = [version.blob for version in file.history.versions]
            for patch in file.patches:
                for blob, finding in zip(blobs, patch.findings, strict=True):
                    key = (patch.title, file.history.path, blob)
                    verdicts[key] = verdicts.get(key, True) and not finding.verdict.failed
    versions = Counter(title for title, _, _ in verdicts)
    applies = Counter(title for (title, _, _), good in verdicts.items() if good)
    return {title: Coverage(applies[title], versions[title]) for title in versions}
