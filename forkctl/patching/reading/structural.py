"""Read `NNNN-name.yaml` as a StructuralPatch: what a patch may say, and how it is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from forkctl.forks.paths import fault_of_path
from forkctl.patching.engine.pattern import parse_pattern
from forkctl.patching.model import Condition, FileEdits, Search, StructuralPatch
from forkctl.patching.reading.edits import load_edit, load_scopes, parsed
from forkctl.patching.reading.yamlnodes import Node, read_yaml

_PATCH_KEYS = ("subject", "why", "forks", "when", "files")
_FILE_KEYS = ("file", "edits", "optional")
_CONDITION_KEYS = ("file", "exists", "has", "lacks", "scope")
_SUBJECT_LENGTH = 80


def load_structural(path: Path, series: str, data: bytes) -> StructuralPatch:
    root = read_yaml(path, data)
    keys = root.mapping("a patch", _PATCH_KEYS)
    for required in ("subject", "why", "files"):
        if required not in keys:
            root.fail(f"a patch needs `{required}`")
    files = tuple(_file(node) for node in keys["files"].items("`files`"))
    _refuse_duplicates(keys["files"], [file.path for file in files], "the file")
    return StructuralPatch(
        name=path.name,
        series=series,
        path=path,
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}",
        subject=_subject(keys["subject"]),
        why=keys["why"].text("`why`").strip(),
        files=files,
        forks=_forks(keys),
        when=tuple(_condition(node) for node in keys["when"].one_or_more())
        if "when" in keys
        else (),
    )


def _subject(node: Node) -> str:
    subject = node.text("`subject`").strip()
    if "\n" in subject or len(subject) > _SUBJECT_LENGTH:
        node.fail(f"`subject` must be one line of at most {_SUBJECT_LENGTH} characters")
    return subject


def _forks(keys: Mapping[str, Node]) -> tuple[str, ...]:
    if "forks" not in keys:
        return ()
    return tuple(node.text("a fork").strip() for node in keys["forks"].one_or_more())


def _file(node: Node) -> FileEdits:
    keys = node.mapping("an entry of `files`", _FILE_KEYS)
    if "file" not in keys or "edits" not in keys:
        node.fail("an entry of `files` needs `file` and `edits`")
    path = _path(keys["file"])
    is_data = path.lower().endswith((".json", ".yaml", ".yml"))
    if not is_data and not path.endswith(".py"):
        keys["file"].fail(
            f"`{path}` is not a Python, JSON or YAML file",
            "change other files with a plain patch: `forkctl save` makes one",
        )
    edits = tuple(
        load_edit(entry, number, is_data)
        for number, entry in enumerate(keys["edits"].items("`edits`"), start=1)
    )
    _refuse_duplicates(keys["edits"], [edit.id for edit in edits], "the id")
    optional = "optional" in keys and keys["optional"].flag("`optional`")
    return FileEdits(path, edits, optional)


def _path(node: Node) -> str:
    path = node.text("`file`").strip()
    reason = fault_of_path(path)
    if reason is not None:
        node.fail(f"the path `{path}` {reason}")
    return path


def _condition(node: Node) -> Condition:
    keys = node.mapping("a condition of `when`", _CONDITION_KEYS)
    if "file" not in keys:
        node.fail("a condition of `when` needs `file`")
    path = _path(keys["file"])
    asked = [key for key in ("exists", "has", "lacks") if key in keys]
    if len(asked) > 1:
        node.fail("a condition of `when` takes only one of `exists`, `has`, `lacks`")
    if not asked or asked == ["exists"]:
        return Condition(path, present=not asked or keys["exists"].flag("`exists`"))
    pattern = parsed(keys[asked[0]], parse_pattern)
    scopes = load_scopes(keys.get("scope"))
    return Condition(path, present=asked == ["has"], search=Search(pattern, scopes))


def _refuse_duplicates(node: Node, names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            node.fail(f"{what} `{name}` is there twice")
