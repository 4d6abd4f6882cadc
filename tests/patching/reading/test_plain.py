"""Plain patches as git writes them are read; what would leave the fork is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from forkctl.errors import UsageError
from forkctl.forks.commits import Author
from forkctl.patching.model import PlainPatch
from forkctl.patching.reading.gitdiff import DiffProblem, read_diff
from forkctl.patching.reading.loading import load_patch

ADA = {
    "GIT_AUTHOR_NAME": "Ada Lövelace",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "1700000123 +0530",
    "GIT_COMMITTER_NAME": "C",
    "GIT_COMMITTER_EMAIL": "c@example.org",
}


def git(folder: Path, *args: str) -> str:
    env = {**os.environ, **ADA, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run(["git", *args], cwd=folder, env=env, capture_output=True, check=True)
    return done.stdout.decode(errors="surrogateescape")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.py").write_text("one\ntwo\nthree\n")
    (folder / "old name").write_text("moved\n" * 10)
    (folder / "gone.py").write_text("x\n")
    (folder / "run.sh").write_text("echo\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    return folder


def exported(repository: Path, message: str) -> PlainPatch:
    """Commit what changed, write it with format-patch, and read that."""
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", message)
    out = repository.parent / "out"
    git(repository, "format-patch", "-q", "-1", "-o", str(out))
    (path,) = out.iterdir()
    patch = load_patch(path, "s")
    assert isinstance(patch, PlainPatch)
    return patch


def test_what_git_writes_is_read(repository: Path) -> None:
    (repository / "a.py").write_text("one\n-- a/two\n++ b/three\ndiff --git a/../x b/../x\n")
    (repository / "old name").rename(repository / "näw name")
    (repository / "gone.py").unlink()
    (repository / "new.sh").write_text("")
    (repository / "new.sh").chmod(0o755)
    (repository / "run.sh").chmod(0o755)
    (repository / "bin.dat").write_bytes(bytes(range(256)))
    message = (
        "Träin: " + "a rather long subject that git folds over several lines " * 2 + "\n\n"
        "Why.\n\nSigned-off-by: Ada <ada@example.org>\nForkctl-Patch: s/0001-x.patch\n"
    )
    patch = exported(repository, message)
    assert patch.subject == " ".join(message.splitlines()[0].split())
    assert patch.why == "Why.\n\nSigned-off-by: Ada <ada@example.org>"
    assert patch.author == Author("Ada Lövelace", "ada@example.org", "1700000123 +0530")
    assert patch.files == (
        "a.py", "bin.dat", "gone.py", "new.sh", "näw name", "old name", "run.sh"
    )  # fmt: skip
    assert patch.executable == {"new.sh": True, "run.sh": True, "bin.dat": False}
    assert patch.diff.startswith(b"diff --git ")
    assert b"\n-- \n" not in patch.diff  # the mail's signature


def test_its_diff_applies(repository: Path) -> None:
    (repository / "a.py").write_bytes(b"one\r\ntwo\r\nthree")
    patch = exported(repository, "Change line ends")
    git(repository, "checkout", "-q", "HEAD~1")
    diff = repository.parent / "diff"
    diff.write_bytes(patch.diff)
    git(repository, "apply", str(diff))
    assert (repository / "a.py").read_bytes() == b"one\r\ntwo\r\nthree"


def test_forks_may_be_named_in_a_header(tmp_path: Path, repository: Path) -> None:
    (repository / "a.py").write_text("x\n")
    patch = exported(repository, "Change")
    text = patch.path.read_text().replace("Subject:", "X-Forkctl-Forks: a, b\nSubject:")
    patch.path.write_text(text)
    assert load_patch(patch.path, "s").forks == ("a", "b")


def mail(diff: str) -> str:
    return (
        f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: A <a@x>\nDate: Mon, 1 Jan 2024 00:00:00 "
        f"+0000\nSubject: [PATCH 1/2] S\n\n---\n a.py | 2 +-\n\n{diff}-- \n2.39\n"
    )


def simple(old: str, new: str) -> str:
    return f"diff --git {old} {new}\n--- {old}\n+++ {new}\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.mark.parametrize(
    ("diff", "complaint"),
    [
        (simple("a/../x", "b/../x"), "contains an empty part, '.' or '..'"),
        (simple("a//etc/passwd", "b//etc/passwd"), "is not a relative path"),
        (simple("a/.git/config", "b/.git/config"), "leads into a .git directory"),
        (simple("a/x/.GiT/hooks/y", "b/x/.GiT/hooks/y"), "leads into a .git directory"),
        (simple("a/git~1/x", "b/git~1/x"), "leads into a .git directory"),
        (simple("a/.git./x", "b/.git./x"), "leads into a .git directory"),
        (simple("a/.g\u200cit/x", "b/.g\u200cit/x"), "leads into a .git directory"),
        (simple('"a/x\\ny"', '"b/x\\ny"'), "control character"),
        (simple("a/x\\y", "b/x\\y"), "is not a relative path"),
        (simple("a/C:/x", "b/C:/x"), "is not a relative path"),
        (simple("x", "y"), "begin with a/ and b/"),
        (simple("a/x", "b/x").replace("+++ b/x", "+++ b/../x"), "disagree"),
        (simple("a/x", "b/x").replace("--- a/x", "--- /dev/null"), "disagree"),
        (
            "diff --git a/l b/l\nnew file mode 120000\n"
            "--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n",
            "symbolic link",
        ),
        ("diff --git a/m b/m\nnew file mode 160000\nindex 0000000..1111111\n", "mode 160000"),
        (
            "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to ../y\n",
            "contains an empty part, '.' or '..'",
        ),
        (
            simple("a/x", "b/x").replace("@@ -1 +1 @@", "@@ -1,9 +1,9 @@"),
            "length that its header gives",
        ),
        ("diff --git a/x b/x\nBinary files a/x and b/x differ\n", "without its content"),
        ("no diff\n", "contains no diff"),
    ],
)
def test_what_would_leave_the_fork_is_refused(tmp_path: Path, diff: str, complaint: str) -> None:
    path = tmp_path / "0001-x.patch"
    path.write_text(mail(diff))
    with pytest.raises(UsageError, match=complaint) as caught:
        load_patch(path, "s")
    assert (caught.value.where or "").startswith(str(path))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("[PATCH 1/2] S", "=?x-nothing?q?S?="),
        ("A <a@x>", "=?x-nothing?q?A?= <a@x>"),
        ("Jan 2024", "Jan 99999999"),
    ],
)
def test_headers_that_nobody_can_read_are_refused(tmp_path: Path, was: str, becomes: str) -> None:
    path = tmp_path / "0001-x.patch"
    path.write_text(mail(simple("a/x", "b/x")).replace(was, becomes))
    with pytest.raises(UsageError, match="headers cannot be read") as caught:
        load_patch(path, "s")
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    "text", ["", "diff --git a/x b/x\n", "From: a\n\nno subject\n", "Subject: x\n\nno from\n"]
)
def test_what_is_no_mail_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "0001-x.patch"
    path.write_text(text)
    with pytest.raises(UsageError, match="git format-patch"):
        load_patch(path, "s")


def test_content_that_looks_like_a_header_is_content() -> None:
    diff = (
        b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a/../y\n+++ b/../y\n"
        b" diff --git a/z b/z\n"
    )
    files, end = read_diff(diff)
    assert [file.new for file in files] == ["x"]
    assert end == len(diff)


def test_a_hunk_that_is_cut_off_is_refused() -> None:
    with pytest.raises(DiffProblem, match="cut off"):
        read_diff(b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n")
