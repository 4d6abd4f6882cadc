"""T5's output for each task, computed once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from forkctl.configs import Config, section
from forkctl.environments.binding import Place
from forkctl.errors import ForkctlError
from forkctl.families.rdt.config import is_path
from forkctl.families.rdt.instructions import sentence
from forkctl.forks.hashes import fingerprint
from forkctl.libero.suites import language_from_task, task_name_from_file
from forkctl.places import cache_root, expanded
from forkctl.scratch import scratch_folder

INDEX = "sentences.json"  # task -> what T5 was given


def sentences_of(files: Iterable[Path]) -> dict[str, str]:
    """By task: its instruction, in the form that RDT was pretrained on."""
    tasks = sorted({task_name_from_file(file) for file in files})
    return {task: sentence(language_from_task(task)) for task in tasks}


def write_embeddings(config: Config, folder: Path, place: Place) -> None:
    """<task>.pt for each task of the config, in `folder`."""
    sentences = sentences_of(Path(file) for file in section(config, "forkctl")["files"])
    given = section(config, "language").get("precomputed")
    if given:
        found = precomputed(expanded(Path(str(given))), sentences)
    else:
        found = _from_cache(config, sentences, place)
    folder.mkdir()
    for task, path in found.items():
        shutil.copyfile(path, folder / f"{task}.pt")
    (folder / INDEX).write_text(json.dumps(sentences, indent=2) + "\n", encoding="utf-8")


def precomputed(folder: Path, sentences: Iterable[str]) -> dict[str, Path]:
    files = {task: folder / f"{task}.pt" for task in sentences}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        raise ForkctlError(
            f"no language embedding for {len(missing)} tasks: {', '.join(missing[:3])}",
            where=str(folder),
            hint="without `language.precomputed` they are made, by T5",
        )
    return files


def to_embed(config: Config, files: Iterable[Path]) -> int:
    """How many tasks this encoder has not seen yet."""
    return sum(not path.exists() for path in kept(config, sentences_of(files)).values())


def kept(config: Config, sentences: Mapping[str, str]) -> dict[str, Path]:
    """Where the cache has, or will have, each task's embedding by the config's encoder."""
    folder = cache_root() / "rdt-language" / _key(_encoder(config))
    return {task: folder / f"{_digest(text)}.pt" for task, text in sentences.items()}


def _from_cache(config: Config, sentences: Mapping[str, str], place: Place) -> dict[str, Path]:
    files = kept(config, sentences)
    missing = {str(path): sentences[task] for task, path in files.items() if not path.exists()}
    if missing:
        for path in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        _encode(config, _encoder(config), missing, place)
    return files


def _encoder(config: Config) -> str:
    return str(section(config, "flags").get("pretrained_text_encoder_name_or_path") or "")


def _encode(config: Config, encoder: str, missing: dict[str, str], place: Place) -> None:
    job = {
        "sentences": missing,
        "offload": bool(section(config, "language").get("offload")),
        "encoder": encoder,
    }
    script = Path(__file__).with_name("encode.py").read_text(encoding="utf-8")
    with scratch_folder() as scratch:
        done = place.run_python(["-c", script], cwd=scratch, stdin=json.dumps(job))
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or [f"it exited with {done.returncode}"]
        raise ForkctlError(
            f"T5 cannot embed the tasks' language: {said[0]}",
            where=encoder,
            hint="give T5's folder with --set flags.pretrained_text_encoder_name_or_path=…, or "
            "embeddings with --set language.precomputed=…",
        )


def _key(encoder: str) -> str:
    """A folder of the same name may hold another encoder later."""
    if not is_path(encoder):
        return encoder.replace("/", "--")
    folder = expanded(Path(encoder))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise ForkctlError("there is no text encoder here", where=os.fspath(folder))
    return fingerprint(files)[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
