"""Read a YAML file by hand: every error names the file, the line and the accepted form."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from forkctl.errors import UsageError


@dataclass(frozen=True)
class Node:
    """One value of a YAML file, and where it is."""

    path: Path
    yaml: Any = field(repr=False)

    @property
    def line(self) -> int:
        return int(self.yaml.start_mark.line) + 1

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        raise UsageError(message, where=f"{self.path}:{self.line}", hint=hint)

    def mapping(self, what: str, known: Sequence[str]) -> Mapping[str, Node]:
        """Its entries; a key that is unknown, or there twice, is an error."""
        entries: dict[str, Node] = {}
        if self.yaml.id != "mapping":
            self.fail(f"{what} must be a mapping with some of: {', '.join(known)}")
        for key, value in self.yaml.value:
            place = Node(self.path, key)
            name = str(key.value)
            if name not in known:
                place.fail(f"unknown key `{name}` in {what}", _nearest(name, known))
            if name in entries:
                place.fail(f"the key `{name}` is there twice in {what}")
            entries[name] = Node(self.path, value)
        return entries

    def pairs(self, what: str) -> Iterator[tuple[str, Node]]:
        """Its entries, whatever their keys."""
        if self.yaml.id != "mapping":
            self.fail(f"{what} must be a mapping")
        seen: set[str] = set()
        for key, value in self.yaml.value:
            if key.value in seen:
                Node(self.path, key).fail(f"the key `{key.value}` is there twice in {what}")
            seen.add(key.value)
            yield str(key.value), Node(self.path, value)

    def items(self, what: str) -> list[Node]:
        if self.yaml.id != "sequence" or not self.yaml.value:
            self.fail(f"{what} must be a list with at least one entry")
        return [Node(self.path, item) for item in self.yaml.value]

    def one_or_more(self) -> list[Node]:
        """The entries of a list, or the value itself."""
        return self.items("it") if self.yaml.id == "sequence" else [self]

    def text(self, what: str) -> str:
        if self.yaml.id != "scalar" or not self.yaml.value.strip():
            self.fail(f"{what} must be text")
        return str(self.yaml.value)

    def flag(self, what: str) -> bool:
        value = self.plain()
        if not isinstance(value, bool):
            self.fail(f"{what} must be true or false")
        return value

    def plain(self) -> Any:
        """The value as Python has it."""
        import yaml

        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self.yaml)
        except (yaml.YAMLError, ValueError) as error:
            self.fail(f"cannot be read: {' '.join(str(error).split())}")
        finally:
            loader.dispose()


def read_yaml(path: Path, data: bytes) -> Node:
    """The root of a YAML file."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = data.decode()
        _refuse_depth(path, text, loader)
        root = yaml.compose(text, Loader=loader)
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8 (byte {error.start})", where=str(path)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise UsageError(
            f"is not YAML: {problem}",
            where=where,
            hint="text that contains `: ` or `#`, or begins with `@`, `{` or `[`, needs quotes "
            "or a block that begins with `|`",
        ) from None
    if root is None:
        raise UsageError("is empty", where=str(path))
    return Node(path, root)


_DEEPEST = 100


def _refuse_depth(path: Path, text: str, loader: Any) -> None:
    """The quick reader calls itself for each level, in C, where too many end the process."""
    if text.count("[") + text.count("{") + max(map(len, text.splitlines()), default=0) < 1000:
        return  # one level takes a bracket, or more indentation
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise UsageError("is nested too deep", where=str(path), hint="a patch has few levels")


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    accepted = f"the keys are {', '.join(known)}"
    return f"did you mean `{close[0]}`? {accepted}" if close else accepted
