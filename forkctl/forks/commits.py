"""Write planned commits with one `git fast-import`: same plan and base, same ids, anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from forkctl.errors import ForkctlError
from forkctl.forks.git import Entry, Repository, quote_path

# The identity of every commit that forkctl makes. Part of the ids: never change it.
IDENTITY = b"forkctl <forkctl@localhost> 1700000000 +0000"
NEXT_REF = "refs/forkctl/next"


class Person(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def date(self) -> str: ...


class Change(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def content(self) -> bytes | None: ...
    @property
    def executable(self) -> bool | None: ...


class Plan(Protocol):
    """A commit to be made; patching's CommitPlan is one."""

    @property
    def message(self) -> str: ...
    @property
    def changes(self) -> Sequence[Change]: ...
    @property
    def author(self) -> Person | None: ...


def write_commits(
    repo: Repository,
    base: str | None,
    base_files: Mapping[str, Entry],
    plans: Iterable[Plan],
    *,
    ref: str = NEXT_REF,
) -> list[str]:
    """The ids of the new commits, one per plan, on top of base. `ref` is left at the last."""
    modes = {path: entry.mode for path, entry in base_files.items()}
    script: list[bytes] = [b"feature done\n"]
    count = 0
    for count, plan in enumerate(plans, start=1):
        script += [
            f"commit {ref}\nmark :{count}\n".encode(),
            b"author " + (_person(plan.author) if plan.author else IDENTITY) + b"\n",
            b"committer " + IDENTITY + b"\n",
            _data(plan.message.encode("utf-8").rstrip(b"\n") + b"\n"),
        ]
        if count == 1 and base is not None:
            script.append(f"from {base}\n".encode())
        script += [_change(change, modes) for change in plan.changes]
        script.append(f"\nget-mark :{count}\n".encode())
    script.append(b"done\n")
    if not count:
        return []
    # `--force`: the ref is ours and need not move forward. A new ref would else be refused when it
    # was left somewhere by a run that was killed.
    out = repo.local("fast-import", "--quiet", "--force", "--done", stdin=b"".join(script))
    return out.decode().split()


def _change(change: Change, modes: dict[str, str]) -> bytes:
    path = quote_path(change.path)
    if change.content is None:
        modes.pop(change.path, None)
        return b"D " + path + b"\n"
    mode = modes.get(change.path, "100644")
    if mode not in ("100644", "100755"):
        raise ForkctlError(
            f"is a {'symbolic link' if mode == '120000' else 'submodule'} upstream; "
            "forkctl changes plain files only",
            where=change.path,
        )
    if change.executable is not None:
        mode = "100755" if change.executable else "100644"
    modes[change.path] = mode
    return f"M {mode} inline ".encode() + path + b"\n" + _data(change.content)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _person(person: Person) -> bytes:
    return f"{person.name} <{person.email}> {person.date}".encode()
