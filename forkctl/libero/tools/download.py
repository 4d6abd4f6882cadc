"""Download a suite from the hub: resumed where it stopped, and checked against the hub's digests.

`huggingface_hub` does the transfer and honours HF_ENDPOINT (a mirror), HF_HOME and proxies. It is
imported when something is downloaded.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

from forkctl.errors import ForkctlError
from forkctl.libero.suites import RAW_HUB_ID, SUITES, file_name_from_task, get_suite

ALL = "all"
_BLOCK = 1 << 20
_SPARE_BYTES = 1 << 30  # do not fill the disk


@dataclass(frozen=True)
class RemoteFile:
    """`sha256` is None for the rare file outside large-file storage."""

    path: str
    size: int
    sha256: Optional[str]


@dataclass(frozen=True)
class Remote:
    """One revision of a repository, pinned by its commit: later downloads are of the same one."""

    repo: str
    commit: str
    files: Tuple[RemoteFile, ...]


def list_suite(
    suite: str, repo: str = RAW_HUB_ID, revision: str = "main", tasks: Optional[int] = None
) -> Remote:
    """The suite's files on the hub, or those of `all`; `tasks` limits each to its first tasks."""
    hub = _hub()
    wanted = list(SUITES.values()) if suite == ALL else [get_suite(suite)]
    try:
        api = hub.HfApi(token=False)
        commit = api.repo_info(repo, repo_type="dataset", revision=revision).sha
        found = [
            _remote_file(entry)
            for each in wanted
            for entry in api.list_repo_tree(
                repo, each.name, repo_type="dataset", revision=commit, recursive=False
            )
            if entry.path.endswith(".hdf5")
        ]
    except _errors(hub) as error:
        raise _unreachable(repo, error) from error
    # by the whole path: a listing may name a file of any folder
    names = {f"{s.name}/{file_name_from_task(task)}" for s in wanted for task in s.tasks[:tasks]}
    chosen = [each for each in found if each.path in names]
    if not re.fullmatch(r"[0-9a-f]{40}", str(commit)):
        raise ForkctlError(f"the hub names no commit, but {commit!r:.50}", where=repo)
    there = {each.path.split("/")[0] for each in chosen}
    if absent := [each.name for each in wanted if each.name not in there]:
        raise ForkctlError(f"no files of {', '.join(absent)} in the repository", where=repo)
    return Remote(repo, commit, tuple(sorted(chosen, key=lambda each: each.path)))


def fetch(
    remote: Remote,
    folder: Path,
    *,
    on_file: Callable[[RemoteFile, bool], None] = lambda file, fetched: None,
) -> List[Path]:
    """Download what is not there yet. A file counts as there only if its digest is right."""
    missing = [each for each in remote.files if not is_whole(folder / each.path, each)]
    _require_space(folder, missing)
    paths = []
    for each in remote.files:
        target = folder / each.path
        if each in missing:
            _fetch_one(remote, each, folder)
        on_file(each, each in missing)
        paths.append(target)
    return paths


def is_whole(path: Path, file: RemoteFile) -> bool:
    """Compare the size, which is quick, then the digest."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return file.sha256 is None or _digest(path) == file.sha256


def _fetch_one(remote: Remote, file: RemoteFile, folder: Path) -> None:
    hub = _hub()
    target = folder / file.path
    # A file of the right size with the wrong digest is not resumed but downloaded anew.
    for anew in (target.exists(), True):
        try:
            hub.hf_hub_download(
                remote.repo,
                file.path,
                repo_type="dataset",
                revision=remote.commit,
                local_dir=folder,
                force_download=anew,
                token=False,
            )
        except _errors(hub) as error:
            raise _unreachable(remote.repo, error) from error
        if is_whole(target, file):
            return
    raise ForkctlError(
        "the download does not match the digest that the hub states",
        where=str(target),
        hint="a mirror may be out of date: set HF_ENDPOINT to another, or unset it",
    )


def _require_space(folder: Path, missing: Sequence[RemoteFile]) -> None:
    existing = folder
    while not existing.exists():
        existing = existing.parent
    needed = sum(file.size for file in missing)
    free = shutil.disk_usage(existing).free
    if missing and needed + _SPARE_BYTES > free:
        raise ForkctlError(
            f"{needed / 1e9:.1f} GB to download, but only {free / 1e9:.1f} GB are free",
            where=str(folder),
            hint="give another --out, or fewer --tasks",
        )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _remote_file(entry: Any) -> RemoteFile:
    lfs = getattr(entry, "lfs", None)
    sha256 = None if lfs is None else getattr(lfs, "sha256", None)
    return RemoteFile(entry.path, int(entry.size), sha256)


def _hub() -> Any:
    # a mirror must not see the user's token, which 0.23 sends even when asked not to
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    try:
        import huggingface_hub
        import huggingface_hub.utils
    except ImportError:
        hint = "pip install 'forkctl[data]'"
        raise ForkctlError("downloading needs huggingface_hub", hint=hint) from None
    except ValueError as error:
        hint = "HF_ENDPOINT must be an address such as https://huggingface.co"
        raise ForkctlError(f"huggingface_hub does not start: {error}", hint=hint) from None
    return huggingface_hub


def _errors(hub: Any) -> Tuple[type[BaseException], ...]:
    """Errors of the hub, the network and the disk; the network library depends on the version.
    A ValueError is a name of a repository, an endpoint or a proxy that is none."""
    found: List[type[BaseException]] = [hub.utils.HfHubHTTPError, OSError, ValueError]
    for name in ("httpx", "httpx2"):  # of newer ones; requests' errors are OSErrors
        if name in sys.modules:
            found += [sys.modules[name].HTTPError, sys.modules[name].InvalidURL]
    return tuple(found)


def _unreachable(repo: str, error: BaseException) -> ForkctlError:
    said = re.sub(r"\[Errno -?\d+\] ", "", " ".join(str(error).split()))
    text = said[:200] or type(error).__name__
    return ForkctlError(
        f"the hub refused, or cannot be reached: {text}",
        where=repo,
        hint="run the same command again to resume; HF_ENDPOINT can name a mirror",
    )
