"""Remove a fork tree that forkctl made, unless it holds any of the user's work."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from forkctl.atomic import remove_folder
from forkctl.errors import ForkctlError
from forkctl.forks.disk import differing, laid_out, look
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import first_few, open_tree, require_untouched
from forkctl.forks.processes import Children
from forkctl.forks.state import BRANCH, TreeState
from forkctl.forks.switch import hold_index, release_index
from forkctl.forks.sync import settled_state
from forkctl.forks.tree import ATTRIBUTES, EXCLUDED, config_of, prepare_work_area
from forkctl.forks.workspace import Workspace, sweep_work_area

_LITTER_FOLDERS = ("__pycache__", ".egg-info")
_LITTER_FILES = (".pyc", ".pyo")

# What forkctl puts into .git, and what git does by itself. Others may hold work: submodules'
# repositories lie in `modules`, large files in `lfs`.
_OF_GIT = frozenset((
    "HEAD", "ORIG_HEAD", "FETCH_HEAD", "AUTO_MERGE", "COMMIT_EDITMSG", "branches", "config",
    "description", "forkctl", "gc.log", "gc.pid", "hooks", "index", "index.lock", "info", "logs",
    "objects", "packed-refs", "refs", "shallow", "worktrees",
))  # fmt: skip
_OF_INFO = frozenset({"attributes", "exclude", "refs", "sparse-checkout"})


def clean(workspace: Workspace, name: str, children: Children) -> bool:
    """False if there was nothing to remove."""
    sweep_work_area(workspace)
    state = settled_state(workspace, name, children)
    if state is None:
        return False
    repo = open_tree(workspace, name, children)
    doomed = prepare_work_area(workspace) / f"{name}.old"
    hold_index(repo)  # so that the user's git commits nothing while we look
    try:
        require_untouched(repo, state)
        _require_nothing_kept(repo, state)
        # gone from here on; a kill leaves only the work area to sweep
        workspace.tree(name).rename(doomed)
    except BaseException:
        release_index(repo)
        raise
    remove_folder(doomed)
    sweep_work_area(workspace)
    return True


def _require_nothing_kept(repo: Repository, state: TreeState) -> None:
    assert repo.work_tree
    tree, files = repo.work_tree, laid_out(repo, state.head, state.sparse)
    seen = {path: look(tree, path) for path in files}
    # git may have been asked to assume that these files are unchanged.
    hidden = differing(tree, files)
    of_git = [*_refs_of_user(repo), *_linked_worktrees(repo), *_changed_in_git(repo, state)]
    beside = _beside(tree, files)
    hidden |= {path for path in files if look(tree, path) != seen[path]}
    kept = [*sorted(hidden), *of_git, *beside]
    if kept:
        raise ForkctlError(
            f"this tree holds more than what forkctl made: {first_few(kept)}",
            where=str(repo.work_tree),
            hint="move or delete these, then run `forkctl clean` again",
        )


def _refs_of_user(repo: Repository) -> list[str]:
    """Branches, tags, stashes, notes and what was fetched, wherever they point."""
    refs = repo.line("for-each-ref", "--format=%(refname)").split()
    return [ref for ref in refs if ref != BRANCH and not ref.startswith("refs/forkctl/")]


def _linked_worktrees(repo: Repository) -> list[str]:
    folder = repo.git_dir / "worktrees"
    return [f"worktree {path.name}" for path in folder.iterdir()] if folder.is_dir() else []


def _changed_in_git(repo: Repository, state: TreeState) -> list[str]:
    """Settings, hooks and whatever else neither forkctl nor git by itself puts into .git."""
    git_dir = repo.git_dir
    ours = {
        f"{section.replace(' ', '.')}.{key}".replace('"', "").lower(): value
        for section, settings in config_of(state.url).items()
        for key, value in settings.items()
    }
    listed = repo.local("config", "--local", "--list", "-z").decode("utf-8", "replace").split("\0")
    now = {key: value for key, _, value in (item.partition("\n") for item in listed if item)}
    settings = sorted(key for key in {*ours, *now} if ours.get(key) != now.get(key))
    info = {"exclude": EXCLUDED, "attributes": ATTRIBUTES}
    changed = [
        path
        for path in (git_dir / "info" / name for name in info)
        if path.is_file() and path.read_text(errors="replace") != info[path.name]
    ]
    files = [
        *(path for path in git_dir.iterdir() if path.name not in _OF_GIT),
        *(path for path in git_dir.glob("hooks/*") if path.suffix != ".sample"),
        *(path for path in git_dir.glob("info/*") if path.name not in _OF_INFO),
        *changed,
    ]
    return [
        *(f"{key} in .git/config" for key in settings),
        *(f".git/{path.relative_to(git_dir)}" for path in sorted(files)),
    ]


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
