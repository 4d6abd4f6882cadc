"""Remove a fork tree that forkctl made, unless it holds any of the user's work."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from forkctl.atomic import remove_folder
from forkctl.errors import ForkctlError
from forkctl.forks.disk import differing, laid_out
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import first_few, open_tree, require_untouched
from forkctl.forks.processes import Children
from forkctl.forks.state import BRANCH, TreeState
from forkctl.forks.sync import settled_state
from forkctl.forks.tree import prepare_work_area
from forkctl.forks.workspace import Workspace, sweep_work_area

_LITTER_FOLDERS = ("__pycache__", ".egg-info")
_LITTER_FILES = (".pyc", ".pyo")


def clean(workspace: Workspace, name: str, children: Children) -> bool:
    """False if there was nothing to remove."""
    sweep_work_area(workspace)
    state = settled_state(workspace, name, children)
    if state is None:
        return False
    repo = open_tree(workspace, name, children)
    require_untouched(repo, state)
    _require_nothing_kept(repo, state)
    doomed = prepare_work_area(workspace) / f"{name}.old"
    workspace.tree(name).rename(
        doomed
    )  # gone from here on; a kill leaves only the work area to sweep
    remove_folder(doomed)
    sweep_work_area(workspace)
    return True


def _require_nothing_kept(repo: Repository, state: TreeState) -> None:
    assert repo.work_tree
    files = laid_out(repo, state.head, state.sparse)
    # git may have been asked to assume that these files are unchanged.
    hidden = sorted(differing(repo, files))
    beside = _beside(repo.work_tree, files)
    kept = [*hidden, *_refs_of_user(repo), *_linked_worktrees(repo), *beside]
    if kept:
        raise ForkctlError(
            f"this tree holds more than what forkctl made: {first_few(kept)}",
            where=str(repo.work_tree),
            hint="move or delete these, then run `forkctl clean` again",
        )


def _refs_of_user(repo: Repository) -> list[str]:
    """Branches, tags, stashes and notes that hold commits of their own."""
    refs = repo.line("for-each-ref", "--format=%(refname)").split()
    mine = [r for r in refs if r != BRANCH and not r.startswith(("refs/forkctl/", "refs/remotes/"))]
    known = [f"^{ref}" for ref in refs if ref not in mine]
    return [ref for ref in mine if repo.line("rev-list", "--max-count=1", ref, *known)]


def _linked_worktrees(repo: Repository) -> list[str]:
    folder = repo.git_dir / "worktrees"
    return [f"worktree {path.name}" for path in folder.iterdir()] if folder.is_dir() else []


def _beside(tree: Path, files: Collection[str]) -> list[str]:
    """What lies beside these files: ignored ones may be weeks of checkpoints, and git does not look
    into submodules. Only what Python leaves behind does not count."""
    ours = {path[:end] for path in files for end in range(len(path)) if path[end] == "/"}
    found = set()
    for here, folders, names in os.walk(tree):
        if here == str(tree):
            folders.remove(".git")
        folders[:] = [name for name in folders if not name.endswith(_LITTER_FOLDERS)]
        links = [name for name in folders if Path(here, name).is_symlink()]
        for name in (*names, *links):
            path = str(Path(here, name).relative_to(tree))
            if path not in files and not path.endswith(_LITTER_FILES):
                ends = (end for end in range(len(path)) if path[end] == "/")
                strange = next((path[:end] for end in ends if path[:end] not in ours), None)
                found.add(f"{strange}/" if strange else path)
    return sorted(found)
