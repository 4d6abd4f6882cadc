"""Attributes of the file and its demos, and the numbering of demos."""

from __future__ import annotations

import json
from typing import Any, Iterator

from forkctl.libero.alignment import RAW
from forkctl.libero.schema import DEMO_ATTRS, FILE_ATTRS, JSON_FILE_ATTRS, SIMULATOR_ATTRS
from forkctl.libero.validation.evidence import FileEvidence, alignment_of
from forkctl.libero.validation.findings import Finding


def check(file: FileEvidence) -> Iterator[Finding]:
    if file.attrs:
        yield from _presence(file)
        yield from _contents(file)
        yield from _language(file)
    elif file.names:
        yield Finding("no-attrs", "`data` has no attributes")
    yield from _numbering(file)


def _presence(file: FileEvidence) -> Iterator[Finding]:
    # A file with raw timing claims to be LIBERO's own; any other was made from one.
    optional = () if alignment_of(file) == RAW else SIMULATOR_ATTRS
    absent = [name for name in FILE_ATTRS if name not in (*file.attrs, *optional)]
    if absent:
        yield Finding("missing-attrs", f"`data` lacks {', '.join(absent)}")
    for demo in file.demos:
        lacking = [name for name in DEMO_ATTRS if name not in (*demo.attrs, *optional)]
        if lacking:
            yield Finding("missing-attrs", f"lacks {', '.join(lacking)}", demo.name)


def _contents(file: FileEvidence) -> Iterator[Finding]:
    for name in JSON_FILE_ATTRS:
        if name in file.attrs and not isinstance(parsed(file.attrs[name]), dict):
            yield Finding("attr-invalid", f"{name} is not a JSON object")
    convention = file.attrs.get("macros_image_convention")
    if convention is not None and as_text(convention) != "opengl":
        yield Finding(
            "image-convention-attr", f"macros_image_convention is {as_text(convention)!r}"
        )
    steps = [len(demo.actions) for demo in file.demos if demo.actions is not None]
    complete = len(steps) == len(file.names)
    for name, actual in (("num_demos", len(file.names)), ("total", sum(steps))):
        said = _as_int(file.attrs.get(name))
        if said is not None and name == "num_demos" and said > actual:
            yield Finding("demos-lost", f"num_demos says {said}, {actual} are left")
            return
        if said is not None and said != actual and complete:
            yield Finding("attr-mismatch", f"{name} says {said}, the file holds {actual}")
    for demo in file.demos:
        said = _as_int(demo.attrs.get("num_samples"))
        if said is not None and demo.actions is not None and said != len(demo.actions):
            detail = f"num_samples says {said}, there are {len(demo.actions)} actions"
            yield Finding("attr-mismatch", detail, demo.name)


def _language(file: FileEvidence) -> Iterator[Finding]:
    if "languages" in file.attrs:  # a merged file has many, each from its own file's name
        return
    info = parsed(file.attrs.get("problem_info"))
    said = info.get("language_instruction") if isinstance(info, dict) else None
    if isinstance(said, list):  # LIBERO's own parser gives words
        said = " ".join(str(word) for word in said)
    if isinstance(said, str) and _plain(said) != _plain(file.language):
        yield Finding("language-mismatch", f"says {said!r}; the file name says {file.language!r}")


def _numbering(file: FileEvidence) -> Iterator[Finding]:
    numbers = sorted(int(name[len("demo_") :]) for name in file.names)
    if numbers and numbers != list(range(len(numbers))):
        missing = sorted(set(range(numbers[-1] + 1)) - set(numbers))
        code = "demo-gap" if file.attrs else "regenerated-gap"
        yield Finding(code, f"no demo_{missing[0]}" + _others(len(missing) - 1))


def _others(count: int) -> str:
    return f" and {count} others" if count > 0 else ""


def parsed(value: Any) -> Any:
    """The JSON in an attribute, or None."""
    try:
        return json.loads(as_text(value))
    except ValueError:
        return None


def as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_int(value: Any) -> Any:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _plain(text: str) -> str:
    return " ".join(text.lower().rstrip(".").split())
