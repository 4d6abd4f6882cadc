"""Remove a fork tree that forkctl made, unless it holds any of the user's work."""

from __future__ import annotations

import os

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

_LITTER = ("__pycache__/", ".egg-info/")
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
    # git may have been asked to assume that these files are unchanged.
    hidden = differing(repo, laid_out(repo, state.head, state.sparse))
    kept = [*sorted(hidden), *_refs_of_user(repo), *_linked_worktrees(repo), *_ignored(repo)]
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


def _ignored(repo: Repository) -> list[str]:
    """Ignored files may be weeks of checkpoints; only what Python leaves behind does not count."""
    out = repo.as_user("ls-files", "--others", "--ignored", "--exclude-standard", "-z")
    paths = [os.fsdecode(path) for path in out.split(b"\0") if path]
    return [
        path
        for path in paths
        if not path.endswith(_LITTER_FILES) and not any(litter in path for litter in _LITTER)
    ]
