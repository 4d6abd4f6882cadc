"""Which files a sparse fork lays out, by the rules of git's cone mode."""

from __future__ import annotations

from collections.abc import Callable

Folders = tuple[str, ...] | None  # None: everything


def chooser(folders: Folders) -> Callable[[str], bool]:
    """Tells whether a path is laid out. Files of the root and of parent folders always are."""
    if folders is None:
        return lambda path: True
    inside = tuple(f"{folder}/" for folder in folders)
    parents = {""}
    for folder in folders:
        parts = folder.split("/")
        parents.update("/".join(parts[:depth]) for depth in range(1, len(parts)))

    def chosen(path: str) -> bool:
        return path.startswith(inside) or path.rpartition("/")[0] in parents

    return chosen


def cone_file(folders: Folders) -> str:
    """The content of .git/info/sparse-checkout for these folders."""
    if folders is None:
        return "/*\n"
    listed = set(folders)
    parents: set[str] = set()
    for folder in folders:
        parts = folder.split("/")
        parents.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    # A folder below a listed one adds nothing, and would make git's cone narrow the listed one.
    listed = {f for f in listed if not any(f.startswith(f"{other}/") for other in listed)}
    parents = {p for p in parents if not any(f"{p}/".startswith(f"{f}/") for f in listed)}
    lines = ["/*", "!/*/"]
    for folder in sorted(listed | parents):
        lines.append(f"/{_escaped(folder)}/")
        if folder in parents:
            lines.append(f"!/{_escaped(folder)}/*/")
    return "\n".join(lines) + "\n"


def _escaped(folder: str) -> str:
    return "".join(f"\\{character}" if character in "*?[\\" else character for character in folder)
