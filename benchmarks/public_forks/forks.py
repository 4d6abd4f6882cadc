"""The lists of public forks: where each one is, and what it is a fork of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.forks.toml import parse_toml

HERE = Path(__file__).parent
DEVELOPMENT = HERE / "development.toml"
HELD_OUT = HERE / "held_out.toml"


@dataclass(frozen=True)
class PublicFork:
    """One tree of one repository: its branch may have moved on, the commit stays."""

    repository: str  # "owner/name"
    branch: str
    commit: str
    like: str  # the fork of forks.toml whose patches are tried
    shares_history: bool | None  # None: nobody has looked

    @property
    def name(self) -> str:
        return f"{self.repository}@{self.branch}"

    @property
    def url(self) -> str:
        return f"https://github.com/{self.repository}"


def load_forks(path: Path) -> tuple[PublicFork, ...]:
    tables = parse_toml(path.read_text(encoding="utf-8"), str(path), "one [[fork]] for each tree")
    return tuple(
        PublicFork(
            table["repository"],
            table["branch"],
            table["commit"],
            table["like"],
            table.get("shares_history"),
        )
        for table in tables["fork"]
    )
