"""What a record says of forkctl itself."""

from __future__ import annotations

from forkctl.inside.versions import forkctl_code
from forkctl.training.identity import own_code


def test_forkctls_own_code_is_known() -> None:
    assert own_code()["version"] == forkctl_code()
    commit = own_code()["commit"]
    assert commit is None or len(commit) == 40
