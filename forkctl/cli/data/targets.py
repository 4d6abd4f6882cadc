"""Where new files go: never on top of what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forkctl.errors import ForkctlError


def pending_targets(recipes: Mapping[Path, str], out: Path) -> dict[Path, Path]:
    """Of source -> recipe, each source that is not yet done, with its new file in `out`.

    The file keeps its name, which is the task's.
    """
    from forkctl.libero.files.provenance import pending

    targets = {source: out / source.name for source in recipes}
    if len(set(targets.values())) < len(targets):
        hint = "give one folder at a time"
        raise ForkctlError("two of the files have the same name", where=str(out), hint=hint)
    for source, target in targets.items():
        if target.exists() and target.samefile(source):
            hint = "give another --out"
            raise ForkctlError("the sources are in this folder", where=str(out), hint=hint)
    to_do = pending({targets[source]: how for source, how in recipes.items()})
    return {source: target for source, target in targets.items() if target in to_do}
