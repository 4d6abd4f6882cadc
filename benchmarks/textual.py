"""The textual tools that structural patches are measured against, each on one file at a time."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# nothing of the person's own git settings may bend the comparison
_ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "bench" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "bench@localhost" for role in ("AUTHOR", "COMMITTER")},
}


@dataclass(frozen=True)
class TextualPatch:
    """An edit as git would carry it: a mail for `git am`, the same as a plain diff for `patch`."""

    path: str
    mail: bytes
    diff: bytes


class Bench:
    """A scratch repository in which edits are made into diffs and diffs are tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._git("init", "--quiet")
        self._git("commit", "--quiet", "--allow-empty", "-m", "root")
        self.root = self._git("rev-parse", "HEAD").decode().strip()

    def make_patch(self, path: str, before: bytes, after: bytes) -> TextualPatch:
        """What a person who edited the file at the pin would have kept."""
        self._start_from(path, before)
        self._commit(path, after, "the edit")
        mail = self._git("format-patch", "-1", "--stdout", "--full-index")
        return TextualPatch(path, mail, self._git("diff", "HEAD^", "HEAD"))

    def git_am(self, patch: TextualPatch, version: bytes) -> bytes | None:
        """`git am -3`: the file it makes of this version, None where it gives up."""
        self._start_from(patch.path, version)
        done = self._try(["git", "am", "--quiet", "-3"], patch.mail)
        if done is None:
            self._try(["git", "am", "--abort"], b"")
            return None
        return (self.folder / patch.path).read_bytes()

    def patch_f3(self, patch: TextualPatch, version: bytes) -> bytes | None:
        """`patch -F3`: likewise."""
        self._start_from(patch.path, version)
        words = ["patch", "-F3", "-p1", "--silent", "--force", "--no-backup-if-mismatch"]
        if self._try(words, patch.diff) is None:
            return None
        return (self.folder / patch.path).read_bytes()

    def _start_from(self, path: str, content: bytes) -> None:
        self._git("reset", "--quiet", "--hard", self.root)
        self._git("clean", "-qfdx")
        self._commit(path, content, "a version")

    def _commit(self, path: str, content: bytes, subject: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "-m", subject)

    def _git(self, *words: str) -> bytes:
        output = self._try(["git", *words], b"")
        if output is None:
            raise RuntimeError(f"git {' '.join(words)} failed in {self.folder}")
        return output

    def _try(self, words: list[str], given: bytes) -> bytes | None:
        done = subprocess.run(
            words, input=given, cwd=self.folder, env=_ENVIRONMENT, capture_output=True
        )
        return None if done.returncode else done.stdout
