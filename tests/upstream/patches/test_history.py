from __future__ import annotations

from forkctl.errors import ForkctlError
from forkctl.forks.cache import Fetcher
from forkctl.forks.manifest import load
from forkctl.patching.drift.history import file_histories, open_history
from tests import ROOT
from tests.conftest import skip_loudly


def test_no_version_of_a_real_upstream_is_missed(fetcher: Fetcher) -> None:
    """Against the slow way: the tree of every single commit."""
    path, fork = "vla-scripts/finetune.py", load(ROOT / "forks.toml").fork("openvla")
    try:
        upstream = open_history(fork, fetcher, refetch=False, say=lambda message: None)
    except ForkctlError as error:
        skip_loudly(error.message)

    def git(*words: str) -> list[str]:
        return upstream.repo.local(*words).decode().split()

    blobs = set()
    for commit in git("rev-list", "--all"):
        blobs.update(git("ls-tree", commit, "--", path)[2:3])
    (history,) = file_histories(upstream, [path])
    assert {version.blob for version in history.versions} == blobs
    assert len(blobs) > 1
