"""Where new files go: beside nothing that is already there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forkctl.errors import ForkctlError


def targets_for(sources: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Source -> new file of the same name in `out`; the name is the task's, so it stays."""
    targets = {source: out / source.name for source in sources}
    if len(set(targets.values())) < len(targets):
        raise ForkctlError(
            "two of the files have the same name",
            where=str(out),
            hint="Convert one folder at a time.",
        )
    for source, target in targets.items():
        if target.exists():
            what = "is the source itself" if target.samefile(source) else "is already there"
            raise ForkctlError(
                f"the file to write {what}", where=str(target), hint="Choose another --out."
            )
    return targets
