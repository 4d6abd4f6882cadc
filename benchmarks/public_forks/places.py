"""Places in a file, told by what stands there and around it, never by line numbers.

    train :: set_seed(args.seed)
    train / if ckpt_path is not None :: model.deserialize(
    VLAConsumerDataset.__getitem__ / while / except :: traceback.print_exc() #2

Before `::` stand the scope, by its dotted name or `<module>`, and how the enclosing statements
begin, outermost first; after it how the statement begins, as Python prints it, and which of several
it is. Bodies of nested functions and classes are scopes of their own. Nothing here uses the engine
that is judged by it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Body = list[ast.stmt]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

MODULE = "<module>"


class NoSuchPlace(Exception):
    """A judgement names a place that the file does not have, or has twice."""


@dataclass(frozen=True)
class Place:
    body: Body
    index: int

    @property
    def statement(self) -> ast.stmt:
        return self.body[self.index]


@dataclass(frozen=True)
class _Candidate:
    place: Place
    around: tuple[str, ...]


def find(tree: ast.Module, address: str) -> Place:
    """The one statement at an address."""
    path, separator, head = address.partition(" :: ")
    if not separator:
        raise NoSuchPlace(f"{address!r} has no `::`")
    scope, *around = path.split(" / ")
    numbered = re.fullmatch(r"(.*) #(\d+)", head)
    number = int(numbered[2]) if numbered else None
    head = numbered[1] if numbered else head
    found = [
        candidate.place
        for candidate in _candidates(scope_of(tree, scope), ())
        if header(candidate.place.statement).startswith(head) and _lies_in(candidate.around, around)
    ]
    if number is not None and number <= len(found):
        return found[number - 1]
    if number is not None or len(found) != 1:
        raise NoSuchPlace(f"{address!r} is there {len(found)} times")
    return found[0]


def scope_of(tree: ast.Module, name: str) -> Any:
    """A module, class or function by its dotted name."""
    scope: Any = tree
    for part in [] if name == MODULE else name.split("."):
        named = [node for node in _definitions(scope) if node.name == part]
        if len(named) != 1:
            raise NoSuchPlace(f"the scope {name!r} is there {len(named)} times")
        scope = named[0]
    return scope


def header(node: ast.AST) -> str:
    """A statement on one line, of a compound one what stands before its colon."""
    if isinstance(node, ast.Try):
        return "try"
    lines = ast.unparse(node).splitlines()
    if isinstance(node, Definition):
        return next(line for line in lines if line.startswith(("def ", "class ", "async ")))
    return lines[0] if lines else ""


def blocks(node: ast.AST) -> Iterator[tuple[str, Body]]:
    """The lists of statements right below a node, and what their branch is called."""
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list) and body:
            yield {"orelse": "else", "finalbody": "finally"}.get(name, ""), body
    for handler in getattr(node, "handlers", []):
        yield header(handler), handler.body


def _candidates(node: ast.AST, around: tuple[str, ...]) -> Iterator[_Candidate]:
    for branch, body in blocks(node):
        inner = (*around, branch) if branch else around
        for index, statement in enumerate(body):
            yield _Candidate(Place(body, index), inner)
            if not isinstance(statement, Definition):
                yield from _candidates(statement, (*inner, header(statement)))


def _definitions(node: ast.AST) -> Iterator[Definition]:
    for _, body in blocks(node):
        for statement in body:
            if isinstance(statement, Definition):
                yield statement
            else:
                yield from _definitions(statement)


def _lies_in(around: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the wanted beginnings are among the enclosing statements, in this order."""
    left = iter(around)
    return all(any(each.startswith(start) for each in left) for start in wanted)
