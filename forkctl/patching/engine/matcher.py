"""The unifier: does a piece of code have the shape of a pattern, and what fills its holes?

Unification may succeed in several ways (`f($$$A, $$$B)`), so it yields environments and the caller
takes the first. How strictly it looks depends on what will be done with the result: code that is
replaced or removed must be described in full (EXACT), code that only says *where* may have
annotations, decorators and else branches that the pattern does not mention (LENIENT).
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from forkctl.patching.engine.bindings import NEVER_COMPARED, Env, bind
from forkctl.patching.engine.holes import many_hole, one_hole
from forkctl.patching.engine.sequences import Unify, unify_call, unify_list, unify_parameters


class Mode(enum.Enum):
    EXACT = "exact"
    LENIENT = "lenient"


# Under LENIENT, these are only compared when the pattern has them.
_OPTIONAL: Mapping[type[ast.AST], frozenset[str]] = {
    ast.FunctionDef: frozenset({"decorator_list", "returns"}),
    ast.AsyncFunctionDef: frozenset({"decorator_list", "returns"}),
    ast.ClassDef: frozenset({"decorator_list"}),
    ast.If: frozenset({"orelse"}),
    ast.For: frozenset({"orelse"}),
    ast.AsyncFor: frozenset({"orelse"}),
    ast.While: frozenset({"orelse"}),
    ast.Try: frozenset({"orelse", "finalbody"}),
    ast.arg: frozenset({"annotation"}),
}


def match(pattern: ast.AST, node: ast.AST, mode: Mode, env: Env | None = None) -> Env | None:
    """The first way in which the node has the pattern's shape, or None."""
    return next(_unify(pattern, node, env or {}, mode), None)


def match_run(
    patterns: Sequence[ast.AST], nodes: Sequence[ast.AST], mode: Mode, env: Env | None = None
) -> Env | None:
    """The same for a run of statements of equal length."""
    if len(patterns) != len(nodes):
        return None
    return next(unify_list(patterns, nodes, env or {}, _unifier(mode)), None)


def _unifier(mode: Mode) -> Unify:
    return partial(_unify, mode=mode)


def may_match(pattern: ast.AST, node: ast.AST) -> bool:
    """A quick look before the thorough one."""
    if type(pattern) is type(node) or _single_hole(pattern) is not None:
        return True
    return isinstance(pattern, ast.Assign) and isinstance(node, ast.AnnAssign)


def _unify(pattern: ast.AST, node: ast.AST, env: Env, mode: Mode) -> Iterator[Env]:
    hole = _single_hole(pattern)
    if hole is not None:
        if _fills(pattern, node):
            yield from bind(hole, node, env)
        return
    if isinstance(pattern, ast.Assign) and isinstance(node, ast.AnnAssign):
        # `x = 1` says where `x: int = 1` is, but must not replace it
        if mode is Mode.LENIENT and node.value is not None and len(pattern.targets) == 1:
            yield from unify_list(
                (pattern.targets[0], pattern.value),
                (node.target, node.value),
                env,
                _unifier(mode),
            )
        return
    if type(pattern) is not type(node):
        return
    if isinstance(pattern, ast.Constant) and isinstance(node, ast.Constant):
        if type(pattern.value) is type(node.value) and repr(pattern.value) == repr(node.value):
            yield env
        return
    yield from _unify_fields(pattern, node, env, mode, list(_compared_fields(pattern, mode)))


def is_hole(pattern: ast.AST) -> bool:
    """Whether a pattern is nothing but a hole."""
    return _single_hole(pattern) is not None or many_hole(pattern) is not None


def _single_hole(pattern: ast.AST) -> str | None:
    """`$X` as an expression, or as a whole statement."""
    if isinstance(pattern, ast.Expr):
        pattern = pattern.value
    return one_hole(pattern.id) if isinstance(pattern, ast.Name) else None


def _fills(pattern: ast.AST, node: ast.AST) -> bool:
    if isinstance(pattern, ast.Expr):
        return isinstance(node, ast.stmt)
    # neither `*rest` nor `1:2` is an expression that could stand elsewhere
    return isinstance(node, ast.expr) and not isinstance(node, ast.Starred | ast.Slice)


def _compared_fields(pattern: ast.AST, mode: Mode) -> Iterator[str]:
    optional = _OPTIONAL.get(type(pattern), frozenset()) if mode is Mode.LENIENT else frozenset()
    for name in pattern._fields:
        if name in NEVER_COMPARED or (name in optional and not getattr(pattern, name, None)):
            continue
        if isinstance(pattern, ast.Call) and name == "keywords":
            continue  # compared together with args
        if isinstance(pattern, ast.ClassDef) and name == "keywords":
            continue  # compared together with bases
        yield name


def _unify_fields(
    pattern: ast.AST, node: ast.AST, env: Env, mode: Mode, names: Sequence[str]
) -> Iterator[Env]:
    if not names:
        yield env
        return
    name, rest = names[0], names[1:]
    for found in _unify_field(pattern, node, name, env, mode):
        yield from _unify_fields(pattern, node, found, mode, rest)


def _unify_field(pattern: ast.AST, node: ast.AST, name: str, env: Env, mode: Mode) -> Iterator[Env]:
    left, right = getattr(pattern, name, None), getattr(node, name, None)
    unify = _unifier(mode)
    if isinstance(pattern, ast.Call) and isinstance(node, ast.Call) and name == "args":
        yield from unify_call(pattern.args, pattern.keywords, node.args, node.keywords, env, unify)
    elif isinstance(pattern, ast.ClassDef) and isinstance(node, ast.ClassDef) and name == "bases":
        yield from unify_call(
            pattern.bases, pattern.keywords, node.bases, node.keywords, env, unify
        )
    elif isinstance(left, ast.arguments) and isinstance(right, ast.arguments):
        yield from unify_parameters(left, right, env, unify)
    elif isinstance(left, ast.AST):
        if isinstance(right, ast.AST):
            yield from _unify(left, right, env, mode)
    elif isinstance(left, list) and isinstance(right, list):
        if name in ("orelse", "finalbody") and bool(left) is not bool(right):
            return  # `else: $$$E` asks for a branch, whatever is in it
        yield from unify_list(left, right, env, unify)
    elif isinstance(left, str) and (hole := one_hole(left)) is not None:
        if isinstance(right, str):
            yield from bind(hole, right, env)
    elif left == right and type(left) is type(right):
        yield env
