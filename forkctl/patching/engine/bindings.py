"""What fills the holes of a pattern, and when two pieces of code are the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from forkctl.patching.engine.holes import ANONYMOUS

# What a hole is bound to: an expression or statement, an identifier, or a run of nodes.
Binding = ast.AST | str | tuple[ast.AST, ...]
Env = Mapping[str, Binding]

# Fields that say nothing about what code does.
NEVER_COMPARED = frozenset({"ctx", "type_comment", "type_ignores", "kind"})


def bind(name: str, value: Binding, env: Env) -> Iterator[Env]:
    if name == ANONYMOUS:
        yield env
    elif name not in env:
        yield {**env, name: value}
    elif same(env[name], value):
        yield env


def same(left: Binding, right: Binding) -> bool:
    """Whether two bindings are the same code, wherever they stand."""
    if isinstance(left, tuple) or isinstance(right, tuple):
        if not isinstance(left, tuple) or not isinstance(right, tuple):
            return False
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, str) or isinstance(right, str):
        return _identifier(left) is not None and _identifier(left) == _identifier(right)
    return _equal(left, right)


def _equal(left: object, right: object) -> bool:
    """Structural equality of code without holes; plain loops, since a literal may be long."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if not isinstance(left, ast.AST) or not isinstance(right, ast.AST):
        return type(left) is type(right) and repr(left) == repr(right)
    return type(left) is type(right) and all(
        _equal(getattr(left, name, None), getattr(right, name, None))
        for name in left._fields
        if name not in NEVER_COMPARED
    )


def same_code(left: Sequence[ast.AST], right: Sequence[ast.AST]) -> bool:
    return len(left) == len(right) and all(map(same, left, right))


def _identifier(binding: Binding) -> str | None:
    if isinstance(binding, ast.Name):
        return binding.id
    return binding if isinstance(binding, str) else None
