"""One cache, wherever forkctl is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.errors import UsageError
from forkctl.libero.files.index import index_folder
from forkctl.places import cache_root, expanded


@pytest.fixture(autouse=True)
def neither(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.delenv("FORKCTL_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME")


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, "HOME/.cache/forkctl"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/forkctl"),
        ({"XDG_CACHE_HOME": "relative"}, "HOME/.cache/forkctl"),  # as its standard wants it
        ({"XDG_CACHE_HOME": ""}, "HOME/.cache/forkctl"),
        ({"FORKCTL_CACHE": "/y", "XDG_CACHE_HOME": "/x"}, "/y"),
        ({"FORKCTL_CACHE": "~/y"}, "HOME/y"),
        ({"FORKCTL_CACHE": "y"}, "HERE/y"),
    ],
)
def test_the_cache_is_where_the_variables_say(
    variables: dict[str, str],
    place: str,
    own_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    wanted = place.replace("HOME", str(own_home)).replace("HERE", str(tmp_path))
    assert cache_root() == Path(wanted)
    assert index_folder() == Path(wanted) / "index"


def test_a_home_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORKCTL_CACHE", "~nobody-of-this-name/x")
    with pytest.raises(UsageError, match="no home folder") as caught:
        cache_root()
    assert caught.value.where == "FORKCTL_CACHE"
    assert expanded(Path("~nobody-of-this-name/x")) == Path("~nobody-of-this-name/x")
