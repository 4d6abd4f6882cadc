"""Bring a fork's tree to its pin: made new, or moved there.

A tree is a repository of its own, which needs neither the cache nor upstream's history.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from forkctl.atomic import remove_folder, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import objects
from forkctl.forks.cache import blobs_of
from forkctl.forks.git import Repository
from forkctl.forks.local_changes import open_tree, require_untouched
from forkctl.forks.manifest import Fork, GitSource, Manifest
from forkctl.forks.objects import write_repository
from forkctl.forks.processes import Children
from forkctl.forks.sources import with_pin
from forkctl.forks.sparse import Folders, cone_file
from forkctl.forks.state import (
    BRANCH,
    PIN_REF,
    TreeState,
    own_folder,
    state_of,
    url_of,
    write_state,
)
from forkctl.forks.switch import switch
from forkctl.forks.workspace import Workspace

# What running Python in a tree leaves behind.
EXCLUDED = "__pycache__/\n*.py[cod]\n*.egg-info/\n"

# Files have the bytes that git stores, whatever .gitattributes of upstream, or filters of the user,
# would make of them: those change from pin to pin, and from machine to machine.
ATTRIBUTES = "* -text !eol !crlf -ident -filter !working-tree-encoding\n"


def bring_to_pin(
    workspace: Workspace,
    manifest: Manifest,
    fork: Fork,
    state: TreeState | None,
    children: Children,
    *,
    offline: bool,
    progress: Callable[[str], None] | None,
) -> str:
    """Return the pin that the tree is at now. `state`: where it was; None if there is no tree."""
    if state is not None and state.is_at_pin(fork):
        _update_remote(workspace, fork, state, children)
        return state.pin
    if state is not None:  # asked before the fetch, which may take long, and again by `switch`
        require_untouched(open_tree(workspace, fork.name, children), state)

    def take(cached: Repository, pin: str) -> str:
        if state is None:
            _build(workspace, fork, cached, pin, children)
        else:
            _copy_pin(cached, open_tree(workspace, fork.name, children), pin, fork)
        return pin

    pin = with_pin(fork, manifest.mirrors, children, take, offline, progress)
    if state is not None:
        repo = open_tree(workspace, fork.name, children)
        switch(repo, state, _pristine_state(repo, fork, pin))
        _update_remote(workspace, fork, state, children)
    return pin


def _update_remote(workspace: Workspace, fork: Fork, state: TreeState, children: Children) -> None:
    """Follow an upstream that moved to another address with the same content."""
    url = url_of(fork)
    if url is None or url == state.url:
        return
    repo = open_tree(workspace, fork.name, children)
    repo.local("config", "--local", "remote.origin.url", url)
    current = state_of(workspace, fork.name)
    assert current is not None
    write_state(workspace.tree(fork.name), current._replace(url=url))


def _build(
    workspace: Workspace, fork: Fork, cached: Repository, pin: str, children: Children
) -> None:
    """Lay out the pin at forks/<name>: built beside it, moved there with one rename."""
    area = prepare_work_area(workspace)
    tree = area / f"{fork.name}.new"
    remove_folder(tree)
    repo = Repository(tree / ".git", children, tree)
    write_repository(repo.git_dir, config_of(url_of(fork)), head=BRANCH)
    (repo.git_dir / "info" / "exclude").write_text(EXCLUDED, encoding="utf-8")
    (repo.git_dir / "info" / "attributes").write_text(ATTRIBUTES, encoding="utf-8")
    (repo.git_dir / "info" / "sparse-checkout").write_text(cone_file(fork.sparse))
    _copy_pin(cached, repo, pin, fork)
    for ref in (BRANCH, PIN_REF):
        objects.write_ref(repo, ref, pin)
    repo.local("read-tree", "-m", "-u", "HEAD")
    own_folder(tree).mkdir()
    write_state(tree, _pristine_state(cached, fork, pin))
    try:
        tree.rename(workspace.tree(fork.name))
    except OSError as error:
        raise ForkctlError(
            f"the new tree could not be moved here: {error.strerror}",
            where=str(workspace.tree(fork.name)),
            hint="move away what is here, then run `forkctl sync` again",
        ) from error


def _pristine_state(repo: Repository, fork: Fork, pin: str) -> TreeState:
    return TreeState(
        fork=fork.name,
        source=fork.source.identity,
        url=url_of(fork),
        pin=pin,
        sparse=fork.sparse,
        identity=None,
        without=(),
        head=pin,
        tree=objects.tree_of(repo, pin),
    )


def _copy_pin(cached: Repository, repo: Repository, pin: str, fork: Fork) -> None:
    """The commit, its trees, and the blobs of the sparse folders."""
    promised = isinstance(fork.source, GitSource)
    objects.copy_objects(cached, repo, objects_of_pin(cached, pin, fork.sparse), promised)
    if promised:
        shallow = repo.git_dir / "shallow"
        known = set(shallow.read_text().split()) if shallow.is_file() else set()
        write_atomically(shallow, "".join(f"{commit}\n" for commit in sorted({*known, pin})))


def objects_of_pin(cached: Repository, pin: str, sparse: Folders) -> list[str]:
    folders = objects.listing_of(cached, pin).folders.values()
    root = objects.tree_of(cached, pin)
    return list(dict.fromkeys([pin, root, *folders, *blobs_of(cached, pin, sparse)]))


def prepare_work_area(workspace: Workspace) -> Path:
    area = workspace.work_area
    for place in (workspace.forks, area):
        if place.is_symlink():
            raise ForkctlError(
                "is a symbolic link; forkctl writes only to folders that it made itself",
                where=str(place),
                hint="put a folder there (or a bind mount, if the disk is too small)",
            )
    try:
        area.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ForkctlError(f"cannot be created: {error.strerror}", where=str(area)) from error
    return area


def config_of(url: str | None) -> dict[str, dict[str, str]]:
    """The configuration of a tree. `url`: None if it does not come from a repository."""
    config = {
        "core": {
            "repositoryformatversion": "1",
            "filemode": "true",
            "bare": "false",
            "logallrefupdates": "true",
            "autocrlf": "false",
            "eol": "lf",
            "sparseCheckout": "true",
            "sparseCheckoutCone": "true",
        }
    }
    if url is not None:
        config["extensions"] = {"partialClone": "origin"}
        config['remote "origin"'] = {
            "url": url,
            "fetch": "+refs/heads/*:refs/remotes/origin/*",
            "promisor": "true",
            "partialclonefilter": "blob:none",
        }
    return config
