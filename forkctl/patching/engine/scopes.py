"""Scopes: where in a file an anchor is looked for.

A scope is named by its dotted path (`Trainer.fit`), with `*` for one part and `**` for any number
of them, or `<module>`. A definition inside of `if`, `try` or `with` belongs to the enclosing scope.
A name that is defined twice (an overload, a property and its setter, one definition per branch) is
an error: the engine does not guess.
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from forkctl.patching.engine.diagnosis import Code, Refusal

MODULE = "<module>"
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Scope:
    name: str
    node: ast.Module | Definition = field(repr=False, compare=False)


def scopes_of(tree: ast.Module) -> Iterator[Scope]:
    """The module and every definition in it, outermost first."""
    yield Scope(MODULE, tree)
    yield from _definitions(tree, "")


def _definitions(node: ast.AST, prefix: str) -> Iterator[Scope]:
    for child in _statements_below(node):
        if isinstance(child, Definition):
            name = f"{prefix}{child.name}"
            yield Scope(name, child)
            yield from _definitions(child, f"{name}.")
        else:
            yield from _definitions(child, prefix)


def _statements_below(node: ast.AST) -> Iterator[ast.AST]:
    """Statements and clauses right below a node; there are no definitions in expressions."""
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            for child in value:
                if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                    yield child


def find_scope(scopes: Sequence[Scope], names: Sequence[str]) -> Scope:
    """The first of the names that exists; refused if it exists more than once."""
    for name in names:
        found = [scope for scope in scopes if _answers_to(scope.name, name)]
        if len(found) > 1:
            lines = tuple(getattr(scope.node, "lineno", 1) for scope in found)
            raise Refusal(
                Code.AMBIGUOUS_SCOPE,
                f"`{name}` is defined {len(found)} times: "
                + ", ".join(sorted({scope.name for scope in found})),
                lines=lines,
            )
        if found:
            return found[0]
    raise Refusal(Code.NO_SCOPE, f"there is no `{'` or `'.join(names)}` in this file")


def _answers_to(name: str, wanted: str) -> bool:
    if MODULE in (name, wanted):
        return name == wanted  # no wildcard matches the module
    return _parts_match(name.split("."), wanted.split("."))


def _parts_match(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_parts_match(parts[skip:], wanted[1:]) for skip in range(len(parts) + 1))
    if not parts:
        return False
    return fnmatch.fnmatchcase(parts[0], wanted[0]) and _parts_match(parts[1:], wanted[1:])


def nodes_in(scope: Scope, nested: bool) -> Iterator[ast.AST]:
    """Every node in the body of a scope, in no particular order.

    The decorators, defaults and bases of a nested definition belong to this scope; its body belongs
    to it only if `nested`.
    """
    pending: list[ast.AST] = list(scope.node.body)
    while pending:
        node = pending.pop()
        yield node
        skipped = "body" if isinstance(node, Definition) and not nested else ""
        for name in node._fields:
            value = getattr(node, name, None)
            if name == skipped:
                continue
            if isinstance(value, list):
                pending.extend(child for child in value if isinstance(child, ast.AST))
            elif isinstance(value, ast.AST):
                pending.append(value)


@dataclass(frozen=True)
class ScopeIndex:
    """The content of a scope, sorted for matching patterns."""

    by_type: Mapping[type[ast.AST], Sequence[ast.AST]] = field(repr=False)
    blocks: Sequence[Sequence[ast.stmt]] = field(repr=False)


def index_scope(scope: Scope, nested: bool) -> ScopeIndex:
    by_type: dict[type[ast.AST], list[ast.AST]] = {}
    blocks: list[Sequence[ast.stmt]] = [scope.node.body]
    for node in nodes_in(scope, nested):
        by_type.setdefault(type(node), []).append(node)
        if nested or not isinstance(node, Definition):
            blocks.extend(statement_lists(node))
    return ScopeIndex(by_type, blocks)


def statement_lists(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements right below a node: body, else, finally."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block
