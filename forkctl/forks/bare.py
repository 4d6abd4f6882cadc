"""Write an empty repository by hand.

`git init` copies templates, and takes the default branch, the reference format and the hash of
whatever version and configuration is around; these few files are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

BARE: Mapping[str, Mapping[str, str]] = {
    "core": {"repositoryformatversion": "0", "filemode": "true", "bare": "true"}
}
# A repository that may be fetched into without blobs. Its remote has no address on purpose: each
# fetch names one, and nothing can go to a network unasked.
PARTIAL: Mapping[str, Mapping[str, str]] = {
    "core": {"repositoryformatversion": "1", "filemode": "true", "bare": "true"},
    "extensions": {"partialClone": "origin"},
    'remote "origin"': {"promisor": "true", "partialclonefilter": "blob:none"},
}


def write_repository(
    git_dir: Path, config: Mapping[str, Mapping[str, str]], head: str = "refs/heads/main"
) -> None:
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True)
    (git_dir / "config").write_text(config_text(config), encoding="utf-8")
    (git_dir / "HEAD").write_text(f"ref: {head}\n", encoding="utf-8")


def config_text(config: Mapping[str, Mapping[str, str]]) -> str:
    lines = []
    for section, settings in config.items():
        lines.append(f"[{section}]")
        for key, value in settings.items():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'\t{key} = "{escaped}"')
    return "\n".join(lines) + "\n"
