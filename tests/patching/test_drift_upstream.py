"""The claim of the house, on the real upstreams: right wherever there is a place, wrong nowhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from forkctl.forks.processes import Children
from tests.conftest import UNREACHABLE
from tests.patching.drift_proof import EDITS, Judgement, Pair, pairs_of, rendered, structural

ROOT = Path(__file__).resolve().parents[2]


def judged() -> list[tuple[Pair, Judgement]]:
    forks = load(ROOT / "forks.toml").forks
    fetcher, patches = Fetcher(Children()), ROOT / "patches"
    found = []
    for edit in EDITS:
        try:
            pairs = pairs_of(edit, patches, forks, fetcher)
        except ForkctlError as error:
            pytest.skip(f"{UNREACHABLE}: {error.message}")
        edits = structural(edit, patches)
        found += [(pair, pair.judge(rendered(edits, pair.before))) for pair in pairs]
    return found


@pytest.mark.upstream
@pytest.mark.slow
def test_every_edit_on_every_version_upstream_ever_had() -> None:
    results = judged()
    bad = [
        f"{pair.edit.patch} on {pair.fork} {pair.blob[:12]} ({pair.subject}): {judgement.value}"
        for pair, judgement in results
        if judgement in (Judgement.WRONG, Judgement.MISSED)
    ]
    assert not bad, "\n".join(bad)
    counts = Counter(judgement for _, judgement in results)
    assert counts[Judgement.RIGHT] >= 241, "fewer places than the histories had in 2026"
    assert counts[Judgement.REFUSED] > 0, "no version tried that lacks the place"
