"""The commits that forkctl writes are those that git makes of the same changes."""

from __future__ import annotations

import random

import pytest

from forkctl.forks import objects
from forkctl.forks.commits import Author, FileChange, NewCommit, write_commits
from forkctl.forks.git import Repository
from forkctl.forks.processes import Children
from tests.driver import Upstream

AUTHOR = Author("Ada", "ada@example.org", "1600000000 +0100")
# names that sort differently as files and as folders, and one that is not ASCII
NAMES = ("a", "a.b", "a0", "a-b", "b", "é")


@pytest.fixture
def repo(upstream: Upstream) -> Repository:
    return Repository(upstream.path / ".git", Children(), upstream.path)


def make_with_git(repo: Repository, base: str, changes: list[FileChange]) -> str:
    """The tree that git makes, of its own index."""
    index = repo.git_dir / "made-by-git"
    repo.local("read-tree", base, index=index)
    for change in changes:
        if change.content is None:
            repo.local("update-index", "--force-remove", "--", change.path, index=index)
            continue
        oid = repo.local("hash-object", "-w", "--stdin", stdin=change.content).decode().strip()
        mode = "100755" if change.executable else "100644"
        cacheinfo = f"{mode},{oid},{change.path}"
        repo.local("update-index", "--add", "--replace", "--cacheinfo", cacheinfo, index=index)
    return repo.line("write-tree", index=index)


def write(repo: Repository, base: str, changes: list[FileChange]) -> tuple[str, str]:
    commit = NewCommit("one", "One\n", tuple(changes), AUTHOR)
    ((made, tree),) = write_commits(repo, base, objects.listing_of(repo, base), [commit])
    return made, tree


@pytest.mark.parametrize("seed", range(12))
def test_trees_are_those_of_git(upstream: Upstream, repo: Repository, seed: int) -> None:
    rng = random.Random(seed)

    def some_paths(count: int) -> set[str]:
        found: set[str] = set()
        while len(found) < count:
            path = "/".join(rng.choices(NAMES, k=rng.randint(1, 3)))
            parts = path.split("/")
            above = {"/".join(parts[:end]) for end in range(1, len(parts))}
            if not above & found and not any(other.startswith(f"{path}/") for other in found):
                found.add(path)
        return found

    before = some_paths(12)
    base = upstream.commit({path: f"{path}\n" for path in before})
    removed = set(rng.sample(sorted(before), 5))
    changes = [FileChange(path, None) for path in sorted(removed)]
    kept = before - removed
    for path in sorted(some_paths(8)):
        parts = path.split("/")
        above = {"/".join(parts[:end]) for end in range(1, len(parts))}
        if not above & kept and not any(other.startswith(f"{path}/") for other in kept):
            changes.append(FileChange(path, rng.randbytes(20), executable=rng.random() < 0.3))
    commit, tree = write(repo, base, changes)
    assert tree == make_with_git(repo, base, changes)
    upstream.git("fsck", "--strict")
    assert upstream.git("rev-parse", f"{commit}^{{tree}}", f"{commit}^") == f"{tree}\n{base}"


def test_authors_and_messages_are_as_git_shows_them(upstream: Upstream, repo: Repository) -> None:
    base = upstream.commit({"a.py": "A = 1\n"})
    commit, _ = write(repo, base, [FileChange("a.py", b"A = 2\n")])
    shown = upstream.git("log", "-1", "--format=%an <%ae> %at %ad|%B", "--date=format:%z", commit)
    assert shown == "Ada <ada@example.org> 1600000000 +0100|One"
    assert upstream.git("rev-parse", "refs/forkctl/next") == commit


def test_what_a_series_leaves_alone_keeps_its_mode(upstream: Upstream, repo: Repository) -> None:
    upstream.commit({"run.sh": "echo\n", "a.py": "A = 1\n"})
    (upstream.path / "run.sh").chmod(0o755)
    (upstream.path / "link").symlink_to("a.py")
    base = upstream.commit({})
    commit, _ = write(repo, base, [FileChange("run.sh", b"echo 2\n")])
    listed = upstream.git("ls-tree", "--format=%(objectmode) %(path)", commit).splitlines()
    assert listed == ["100644 a.py", "120000 link", "100755 run.sh"]


def test_objects_that_are_there_are_not_written_again(upstream: Upstream, repo: Repository) -> None:
    base = upstream.commit({"a.py": "A = 1\n"})
    changes = [FileChange("a.py", b"A = 2\n")]
    write(repo, base, changes)
    stored = [path for path in (repo.git_dir / "objects").rglob("*") if path.is_file()]
    before = [path.stat().st_mtime_ns for path in stored]
    write(repo, base, changes)
    assert [path.stat().st_mtime_ns for path in stored] == before
