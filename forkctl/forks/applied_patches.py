"""What is applied in a fork tree: which commit is which patch, its diff, and its mail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forkctl.atomic import write_atomically
from forkctl.errors import ForkctlError, UsageError
from forkctl.forks.git import Repository
from forkctl.forks.state import TreeState

PATCH_TRAILER = "Forkctl-Patch"
DIGEST_TRAILER = "Forkctl-Digest"

# The user's settings could change these about a patch file.
_STABLE_DIFF = (
    "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--binary",
)  # fmt: skip

_DEFINITION = r"^[ \t]*((class|(async[ \t]+)?def)[ \t].*)$"


@dataclass(frozen=True)
class AppliedCommit:
    oid: str
    tree: str
    subject: str
    patch: str  # "series/0001-name.yaml"; empty for the overlays' commit
    digest: str


def applied_commits(
    repo: Repository, state: TreeState, tip: str | None = None
) -> list[AppliedCommit]:
    """The commits on top of the pin, oldest first."""
    fields = ("%H", "%T", "%s", f"%(trailers:key={PATCH_TRAILER},valueonly)",
              f"%(trailers:key={DIGEST_TRAILER},valueonly)")  # fmt: skip
    out = repo.line(
        "log",
        "--reverse",
        f"--format={'%x01'.join(fields)}%x02",
        f"{state.pin}..{tip or state.head}",
    )
    records = [record.strip("\n").split("\x01") for record in out.split("\x02") if record.strip()]
    return [AppliedCommit(*(part.strip() for part in record)) for record in records]


def find_patch(repo: Repository, state: TreeState, name: str) -> AppliedCommit:
    commits = applied_commits(repo, state)
    found = [commit for commit in commits if commit.patch and is_named(commit.patch, name)]
    if len(found) != 1:
        raise UsageError(
            f"{name!r} matches {'several patches' if found else 'no applied patch'}",
            where=state.fork,
            hint="the applied patches are "
            + ", ".join(commit.patch for commit in commits if commit.patch),
        )
    return found[0]


def is_named(patch: str, name: str) -> bool:
    """Whether `name` is the patch's title, file name, stem, or stem without its number."""
    stem = Path(patch).stem
    return name in (patch, Path(patch).name, stem, stem.partition("-")[2])


def diff(repo: Repository, state: TreeState, patch: str | None, *, colour: bool) -> str:
    """The changes of the whole series, or of one patch."""
    shade = ("--color=always",) if colour else ("--no-color",)
    options = (*_STABLE_DIFF[1:], *shade)
    if patch is None:
        out = repo.local("diff", *options, state.pin, state.head)
    else:
        out = repo.local("show", *options, find_patch(repo, state, patch).oid)
    return out.decode("utf-8", "replace")


def export(repo: Repository, state: TreeState, folder: Path) -> list[Path]:
    """Write the series as `git format-patch` files and one combined diff."""
    if state.identity is None:
        raise ForkctlError(
            "nothing is applied yet", where=state.fork, hint=f"forkctl apply {state.fork}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, commit in enumerate(applied_commits(repo, state), start=1):
        path = folder / f"{number:04}-{slug(commit.subject)}.patch"
        write_atomically(path, format_patch(repo, commit.oid))
        written.append(path)
    combined = folder / f"{state.fork}.diff"
    write_atomically(combined, repo.local("diff", *_STABLE_DIFF, state.pin, state.head))
    return [*written, combined]


def format_patch(repo: Repository, commit: str, headers: tuple[str, ...] = ()) -> bytes:
    """One commit as a mail that is the same on every machine. Its hunks name the function or method
    that they are in, by which their place is judged on another revision."""
    return repo.local(
        "format-patch", "-1", "--stdout", "--zero-commit", "--no-signature", "--no-stat",
        "--no-numbered", "--subject-prefix=PATCH", "--unified=3", *_STABLE_DIFF,
        *(f"--add-header={header}" for header in headers), commit,
        stdin=b"*.py diff=python\n",
        config=("core.attributesFile=/dev/stdin", f"diff.python.xfuncname={_DEFINITION}"),
    )  # fmt: skip


def slug(subject: str) -> str:
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in subject.lower()).split()
    return "-".join(words)[:52].rstrip("-") or "change"
