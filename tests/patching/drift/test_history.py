"""Nothing of a file's past is missed, and each version is told by the right commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.processes import Children
from forkctl.patching.drift.history import FileHistory, file_histories
from forkctl.patching.drift.history import Upstream as Opened
from tests.driver import Upstream


@pytest.fixture
def repo(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream")


def seen(repo: Upstream, *paths: str, since: str | None = None) -> list[FileHistory]:
    head = repo.git("rev-parse", "main")
    upstream = Opened(Repository(repo.path / ".git", Children()), pin=head, head=head)
    return list(file_histories(upstream, paths, since))


def subjects(history: FileHistory) -> list[str]:
    return [version.first.subject for version in history.versions]


def test_versions_are_distinct_contents_oldest_first(repo: Upstream) -> None:
    repo.commit({"a.py": "1\n"}, "one")
    repo.commit({"b.py": "1\n"}, "elsewhere")
    repo.commit({"a.py": "2\n"}, "two")
    repo.commit({"a.py": "1\n"}, "back to one")
    (history,) = seen(repo, "a.py")
    assert subjects(history) == ["one", "two"]
    assert history.at_head == history.versions[0].blob


def test_a_merge_that_is_like_neither_parent_is_a_version(repo: Upstream) -> None:
    repo.commit({"a.py": "top\n\n\n\nend\n"}, "base")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit({"a.py": "TOP\n\n\n\nend\n"}, "side")
    repo.git("checkout", "--quiet", "main")
    repo.commit({"a.py": "top\n\n\n\nEND\n"}, "main")
    repo.days += 1
    repo.git("merge", "--quiet", "-m", "merged", "side")
    (history,) = seen(repo, "a.py")
    assert subjects(history) == ["base", "side", "main", "merged"]
    assert history.at_head == history.versions[-1].blob


def test_what_a_merge_threw_away_is_still_a_version(repo: Upstream) -> None:
    repo.commit({"a.py": "1\n"}, "base")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit({"a.py": "2\n"}, "side")
    repo.git("checkout", "--quiet", "main")
    repo.commit({"b.py": "1\n"}, "main")
    repo.days += 1
    repo.git("merge", "--quiet", "-s", "ours", "-m", "ours", "side")
    repo.git("branch", "-D", "side")
    (history,) = seen(repo, "a.py")
    assert subjects(history) == ["base", "side"]


def test_branches_and_tags_off_the_main_branch_are_seen_and_told_apart(repo: Upstream) -> None:
    repo.commit({"a.py": "1\n"}, "base")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit({"a.py": "2\n"}, "on a branch")
    repo.commit({"a.py": "3\n"}, "on a tag")
    repo.git("tag", "released")
    repo.git("reset", "--quiet", "--hard", "HEAD^")
    repo.git("checkout", "--quiet", "main")
    (history,) = seen(repo, "a.py")
    assert [(v.first.subject, v.first.mainline) for v in history.versions] == [
        ("base", True),
        ("on a branch", False),
        ("on a tag", False),
    ]


def test_a_squashed_branch_is_told_by_the_main_branchs_commit(repo: Upstream) -> None:
    repo.commit({"a.py": "1\n"}, "base")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit({"a.py": "2\n"}, "work")
    repo.git("checkout", "--quiet", "main")
    repo.commit({"a.py": "2\n"}, "squashed")
    (history,) = seen(repo, "a.py")
    assert [(v.first.subject, v.first.mainline) for v in history.versions] == [
        ("base", True),
        ("squashed", True),
    ]


def test_a_file_that_went_away_is_not_at_the_head(repo: Upstream) -> None:
    repo.commit({"a.py": "1\n", "b.py": "1\n"}, "base")
    repo.commit({"a.py": None, "c.py": "1\n"}, "renamed")
    old, new = seen(repo, "a.py", "c.py")
    assert (subjects(old), old.at_head) == (["base"], None)
    assert (subjects(new), new.at_head) == (["renamed"], new.versions[0].blob)


def test_links_and_folders_are_not_versions(repo: Upstream) -> None:
    repo.commit({"a.py/inner.py": "1\n"}, "a folder")
    repo.commit({"a.py/inner.py": None}, "gone")
    (repo.path / "a.py").rmdir()
    (repo.path / "a.py").symlink_to("/etc/passwd")
    repo.commit({}, "a link")
    (history,) = seen(repo, "a.py")
    assert (history.versions, history.at_head) == ((), None)


def test_since_keeps_the_version_at_that_revision_and_what_came_later(repo: Upstream) -> None:
    repo.commit({"a.py": "1\n"}, "one")
    two = repo.commit({"a.py": "2\n"}, "two")
    repo.commit({"a.py": "3\n"}, "three")
    (history,) = seen(repo, "a.py", since=two)
    assert subjects(history) == ["two", "three"]


def test_odd_names_and_subjects(repo: Upstream) -> None:
    name = 'sp ace "q" *.py'
    repo.commit({name: "1\n", "sp ace q x.py": "2\n"}, 'a "subject" — with é and : colons')
    (history,) = seen(repo, name)
    assert subjects(history) == ['a "subject" — with é and : colons']


def test_an_unknown_revision_is_named(repo: Upstream) -> None:
    repo.commit({"a.py": "1\n"}, "one")
    with pytest.raises(ForkctlError, match="no-such-rev"):
        seen(repo, "a.py", since="no-such-rev")
