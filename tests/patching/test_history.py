"""Nothing of a file's past is missed, and each version is told by the right commit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.errors import ForkctlError
from forkctl.forks.git import Repository
from forkctl.forks.processes import Children
from forkctl.patching.drift.history import FileHistory, Upstream, file_histories
from tests.patching.upstreams import UpstreamRepo


@pytest.fixture
def repo(tmp_path: Path) -> UpstreamRepo:
    return UpstreamRepo(tmp_path / "upstream")


def seen(repo: UpstreamRepo, *paths: str, since: str | None = None) -> list[FileHistory]:
    head = repo.git("rev-parse", "main")
    upstream = Upstream(Repository(repo.folder / ".git", Children()), pin=head, head=head)
    return list(file_histories(upstream, paths, since))


def subjects(history: FileHistory) -> list[str]:
    return [version.first.subject for version in history.versions]


def test_versions_are_distinct_contents_oldest_first(repo: UpstreamRepo) -> None:
    repo.commit("one", {"a.py": "1\n"})
    repo.commit("elsewhere", {"b.py": "1\n"})
    repo.commit("two", {"a.py": "2\n"})
    repo.commit("back to one", {"a.py": "1\n"})
    (history,) = seen(repo, "a.py")
    assert subjects(history) == ["one", "two"]
    assert history.at_head == history.versions[0].blob


def test_a_merge_that_is_like_neither_parent_is_a_version(repo: UpstreamRepo) -> None:
    repo.commit("base", {"a.py": "top\n\n\n\nend\n"})
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit("side", {"a.py": "TOP\n\n\n\nend\n"})
    repo.git("checkout", "--quiet", "main")
    repo.commit("main", {"a.py": "top\n\n\n\nEND\n"})
    repo.days += 1
    repo.git("merge", "--quiet", "-m", "merged", "side")
    (history,) = seen(repo, "a.py")
    assert subjects(history) == ["base", "side", "main", "merged"]
    assert history.at_head == history.versions[-1].blob


def test_what_a_merge_threw_away_is_still_a_version(repo: UpstreamRepo) -> None:
    repo.commit("base", {"a.py": "1\n"})
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit("side", {"a.py": "2\n"})
    repo.git("checkout", "--quiet", "main")
    repo.commit("main", {"b.py": "1\n"})
    repo.days += 1
    repo.git("merge", "--quiet", "-s", "ours", "-m", "ours", "side")
    repo.git("branch", "-D", "side")
    (history,) = seen(repo, "a.py")
    assert subjects(history) == ["base", "side"]


def test_branches_and_tags_off_the_main_branch_are_seen_and_told_apart(repo: UpstreamRepo) -> None:
    repo.commit("base", {"a.py": "1\n"})
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit("on a branch", {"a.py": "2\n"})
    repo.commit("on a tag", {"a.py": "3\n"})
    repo.git("tag", "released")
    repo.git("reset", "--quiet", "--hard", "HEAD^")
    repo.git("checkout", "--quiet", "main")
    (history,) = seen(repo, "a.py")
    assert [(v.first.subject, v.first.mainline) for v in history.versions] == [
        ("base", True),
        ("on a branch", False),
        ("on a tag", False),
    ]


def test_a_squashed_branch_is_told_by_the_main_branchs_commit(repo: UpstreamRepo) -> None:
    repo.commit("base", {"a.py": "1\n"})
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit("work", {"a.py": "2\n"})
    repo.git("checkout", "--quiet", "main")
    repo.commit("squashed", {"a.py": "2\n"})
    (history,) = seen(repo, "a.py")
    assert [(v.first.subject, v.first.mainline) for v in history.versions] == [
        ("base", True),
        ("squashed", True),
    ]


def test_a_file_that_went_away_is_not_at_the_head(repo: UpstreamRepo) -> None:
    repo.commit("base", {"a.py": "1\n", "b.py": "1\n"})
    repo.commit("renamed", {"a.py": None, "c.py": "1\n"})
    old, new = seen(repo, "a.py", "c.py")
    assert (subjects(old), old.at_head) == (["base"], None)
    assert (subjects(new), new.at_head) == (["renamed"], new.versions[0].blob)


def test_links_and_folders_are_not_versions(repo: UpstreamRepo) -> None:
    repo.commit("a folder", {"a.py/inner.py": "1\n"})
    repo.commit("gone", {"a.py/inner.py": None})
    (repo.folder / "a.py").rmdir()
    (repo.folder / "a.py").symlink_to("/etc/passwd")
    repo.commit("a link")
    (history,) = seen(repo, "a.py")
    assert (history.versions, history.at_head) == ((), None)


def test_since_keeps_the_version_at_that_revision_and_what_came_later(repo: UpstreamRepo) -> None:
    repo.commit("one", {"a.py": "1\n"})
    two = repo.commit("two", {"a.py": "2\n"})
    repo.commit("three", {"a.py": "3\n"})
    (history,) = seen(repo, "a.py", since=two)
    assert subjects(history) == ["two", "three"]


def test_odd_names_and_subjects(repo: UpstreamRepo) -> None:
    name = 'sp ace "q" *.py'
    repo.commit('a "subject" — with é and : colons', {name: "1\n", "sp ace q x.py": "2\n"})
    (history,) = seen(repo, name)
    assert subjects(history) == ['a "subject" — with é and : colons']


def test_an_unknown_revision_is_named(repo: UpstreamRepo) -> None:
    repo.commit("one", {"a.py": "1\n"})
    with pytest.raises(ForkctlError, match="no-such-rev"):
        seen(repo, "a.py", since="no-such-rev")


@pytest.mark.upstream
def test_no_version_of_a_real_upstream_is_missed(upstream_clone: Callable[[str], Path]) -> None:
    """Against the slow way: the tree of every single commit."""
    git_dir = upstream_clone("openvla")
    path = "vla-scripts/finetune.py"

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=git_dir, check=True, capture_output=True, text=True
        ).stdout

    head = git("rev-parse", "HEAD").strip()
    blobs = set()
    for commit in git("rev-list", "--all").split():
        entry = git("ls-tree", commit, "--", path).split()
        blobs.update(entry[2:3])
    (history,) = file_histories(Upstream(Repository(git_dir, Children()), head, head), [path])
    assert {version.blob for version in history.versions} == blobs
    assert len(blobs) > 1
