"""Make a fork tree: a repository of its own that needs neither the cache nor its history."""

from __future__ import annotations

from pathlib import Path

from forkctl.atomic import remove_folder, write_atomically
from forkctl.errors import ForkctlError
from forkctl.forks import git
from forkctl.forks.bare import write_repository
from forkctl.forks.git import Repository
from forkctl.forks.manifest import Fork, GitSource
from forkctl.forks.processes import Children
from forkctl.forks.sparse import Folders, chooser, cone_file
from forkctl.forks.state import BRANCH, PIN_REF, TreeState, own_folder, write_state
from forkctl.forks.workspace import Workspace

# What running Python in a tree leaves behind; nobody's work.
_EXCLUDED = "__pycache__/\n*.py[cod]\n*.egg-info/\n"


def build(
    workspace: Workspace, fork: Fork, cached: Repository, pin: str, children: Children
) -> TreeState:
    """Lay out the pin at forks/<name>: built beside it, moved there by one rename."""
    area = prepare_work_area(workspace)
    tree = area / f"{fork.name}.new"
    remove_folder(tree)
    repo = Repository(tree / ".git", children, tree)
    write_repository(repo.git_dir, _config(fork), head=BRANCH)
    (repo.git_dir / "info" / "exclude").write_text(_EXCLUDED, encoding="utf-8")
    (repo.git_dir / "info" / "sparse-checkout").write_text(cone_file(fork.sparse))
    copy_pin(cached, repo, pin, fork)
    for ref in (BRANCH, PIN_REF):
        git.write_ref(repo, ref, pin)
    repo.local("read-tree", "-m", "-u", "HEAD")
    state = pristine_state(repo, fork, pin)
    own_folder(tree).mkdir()
    write_state(tree, state)
    try:
        tree.rename(workspace.tree(fork.name))
    except OSError as error:
        raise ForkctlError(
            f"the tree could not be moved there: {error.strerror}",
            where=str(workspace.tree(fork.name)),
            hint="move away what is there, then run `forkctl sync` again",
        ) from error
    return state


def pristine_state(repo: Repository, fork: Fork, pin: str) -> TreeState:
    return TreeState(
        fork=fork.name,
        source=fork.source.identity,
        url=fork.source.url if isinstance(fork.source, GitSource) else None,
        pin=pin,
        sparse=fork.sparse,
        identity=None,
        without=(),
        head=pin,
        tree=git.tree_of(repo, pin),
    )


def copy_pin(cached: Repository, repo: Repository, pin: str, fork: Fork) -> None:
    """The commit, its trees, and the blobs of the sparse folders."""
    promised = isinstance(fork.source, GitSource)
    git.copy_objects(cached, repo, objects_of_pin(cached, pin, fork.sparse), promised)
    if promised:
        shallow = repo.git_dir / "shallow"
        known = set(shallow.read_text().split()) if shallow.is_file() else set()
        write_atomically(shallow, "".join(f"{commit}\n" for commit in sorted({*known, pin})))


def objects_of_pin(cached: Repository, pin: str, sparse: Folders) -> list[str]:
    chosen = chooser(sparse)
    oids = [pin, git.tree_of(cached, pin)]
    for kind, path, entry in git.files_and_trees_of(cached, pin):
        if kind == "tree" or (kind == "blob" and chosen(path)):
            oids.append(entry.oid)
    return list(dict.fromkeys(oids))


def prepare_work_area(workspace: Workspace) -> Path:
    area = workspace.work_area
    for place in (workspace.forks, area):
        if place.is_symlink():
            raise ForkctlError(
                "is a symbolic link; forkctl writes only where it made the folder itself",
                where=str(place),
                hint="put a folder there (a bind mount serves where the disk is too small)",
            )
    try:
        area.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ForkctlError(f"cannot be made: {error.strerror}", where=str(area)) from error
    return area


def _config(fork: Fork) -> dict[str, dict[str, str]]:
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
    if isinstance(fork.source, GitSource):
        config["extensions"] = {"partialClone": "origin"}
        config['remote "origin"'] = {
            "url": fork.source.url,
            "fetch": "+refs/heads/*:refs/remotes/origin/*",
            "promisor": "true",
            "partialclonefilter": "blob:none",
        }
    return config
