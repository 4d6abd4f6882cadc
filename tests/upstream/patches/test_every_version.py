"""The claim of the house, on the real upstreams: right wherever there is a place, wrong nowhere."""

from __future__ import annotations

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from tests import ROOT
from tests.conftest import skip_loudly
from tests.upstream.patches.every_version import (
    EDITS,
    Judgement,
    Pair,
    pairs_of,
    rendered,
    structural,
)


def judged(fetcher: Fetcher) -> list[tuple[Pair, Judgement]]:
    forks, patches, found = load(ROOT / "forks.toml").forks, ROOT / "patches", []
    for edit in EDITS:
        try:
            pairs = pairs_of(edit, patches, forks, fetcher)
        except ForkctlError as error:
            skip_loudly(error.message)
        edits = structural(edit, patches)
        found += [(pair, pair.judge(rendered(edits, pair.before))) for pair in pairs]
    return found


@pytest.mark.slow
def test_every_edit_on_every_version_upstream_ever_had(fetcher: Fetcher) -> None:
    results = judged(fetcher)
    bad = [
        f"{pair.edit.patch} on {pair.fork} {pair.blob[:12]} ({pair.subject}): {judgement.value}"
        for pair, judgement in results
        if judgement in (Judgement.WRONG, Judgement.MISSED)
    ]
    assert not bad, "\n".join(bad)
    at_pins = [pair for pair, judgement in results if pair.at_pin and judgement is Judgement.RIGHT]
    assert {pair.edit for pair in at_pins} == set(EDITS), "an edit that was made nowhere"
    # the judge is one: a file that was left alone is not what must come out
    assert {pair.judge(pair.before) for pair in at_pins} == {Judgement.WRONG}
