"""Small real repositories that play an upstream."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class UpstreamRepo:
    """A repository in which each commit is one day younger than the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.days = 0
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    def git(self, *words: str) -> str:
        stamp = f"{1_600_000_000 + self.days * 86_400} +0000"
        who = {
            f"GIT_{role}_{field}": value
            for role in ("AUTHOR", "COMMITTER")
            for field, value in (("NAME", "Up"), ("EMAIL", "up@localhost"), ("DATE", stamp))
        }
        done = subprocess.run(
            ["git", "-c", "commit.gpgsign=false", *words],
            cwd=self.folder,
            env={**os.environ, **who},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, subject: str, files: dict[str, str | None] | None = None) -> str:
        """Write the files (None removes one), commit everything, return the commit."""
        for name, content in (files or {}).items():
            path = self.folder / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        self.days += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")
