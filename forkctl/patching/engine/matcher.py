"""The unifier: does a piece of code have the shape of a pattern, and what fills its holes?

Unification may succeed in several ways (`f($$$A, $$$B)`), so it yields environments and the caller
takes the first. How strict it is depends on what will be done with the result: code that is
replaced or removed must be described in full (EXACT); code that only says *where* may have
annotations, decorators and else branches that the pattern does not mention (LENIENT).
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest

from forkctl.patching.engine.pattern import ANONYMOUS, many_hole, one_hole

# What fills a hole: an expression or statement, an identifier, or a run of nodes.
Binding = ast.AST | str | tuple[ast.AST, ...]
Env = Mapping[str, Binding]

# Fields that do not affect what code does.
_NEVER_COMPARED = frozenset({"ctx", "type_comment", "type_ignores", "kind"})


def bind(name: str, value: Binding, env: Env) -> Iterator[Env]:
    if name == ANONYMOUS:
        yield env
    elif name not in env:
        yield {**env, name: value}
    elif same(env[name], value):
        yield env


def same(left: Binding, right: Binding) -> bool:
    """Whether two bindings are the same code, wherever they are."""
    if isinstance(left, tuple) or isinstance(right, tuple):
        if not isinstance(left, tuple) or not isinstance(right, tuple):
            return False
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, str) or isinstance(right, str):
        return _identifier(left) is not None and _identifier(left) == _identifier(right)
    return _equal(left, right)


def _equal(left: object, right: object) -> bool:
    """Structural equality of code without holes."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if not isinstance(left, ast.AST) or not isinstance(right, ast.AST):
        return type(left) is type(right) and repr(left) == repr(right)
    return type(left) is type(right) and all(
        _equal(getattr(left, name, None), getattr(right, name, None))
        for name in left._fields
        if name not in _NEVER_COMPARED
    )


def same_code(left: Sequence[ast.AST], right: Sequence[ast.AST]) -> bool:
    return len(left) == len(right) and all(map(same, left, right))


def _identifier(binding: Binding) -> str | None:
    if isinstance(binding, ast.Name):
        return binding.id
    return binding if isinstance(binding, str) else None


class Mode(enum.Enum):
    EXACT = "exact"
    LENIENT = "lenient"


# Under LENIENT, these are compared only if the pattern has them.
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
    """The first way in which the node has the shape of the pattern; None if there is none."""
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
    """A quick check before the thorough one."""
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
        # `x = 1` may say where `x: int = 1` is, but must not replace it
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
    # `*rest` and `1:2` are not expressions that could be used elsewhere
    return isinstance(node, ast.expr) and not isinstance(node, ast.Starred | ast.Slice)


def _compared_fields(pattern: ast.AST, mode: Mode) -> Iterator[str]:
    optional = _OPTIONAL.get(type(pattern), frozenset()) if mode is Mode.LENIENT else frozenset()
    for name in pattern._fields:
        if name in _NEVER_COMPARED or (name in optional and not getattr(pattern, name, None)):
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
            return  # `else: $$$E` asks for a branch, whatever it holds
        yield from unify_list(left, right, env, unify)
    elif isinstance(left, str) and (hole := one_hole(left)) is not None:
        if isinstance(right, str):
            yield from bind(hole, right, env)
    elif left == right and type(left) is type(right):
        yield env


# How one element of a list matches one element.
Unify = Callable[[ast.AST, ast.AST, Env], Iterator[Env]]


def unify_list(
    patterns: Sequence[ast.AST], nodes: Sequence[ast.AST], env: Env, unify: Unify
) -> Iterator[Env]:
    def unify_one(pattern: ast.AST, node: ast.AST, env: Env) -> Iterator[Env]:
        if not isinstance(pattern, ast.AST) or not isinstance(node, ast.AST):
            return iter((env,)) if pattern == node else iter(())  # `None` keys of a dict display
        return unify(pattern, node, env)

    yield from _unify_sequence(patterns, nodes, env, unify_one, {})


def _unify_sequence(
    patterns: Sequence[ast.AST],
    nodes: Sequence[ast.AST],
    env: Env,
    unify: Unify,
    tails: Mapping[str, tuple[ast.AST, ...]],
) -> Iterator[Env]:
    """Elements are paired in order; `$$$A` takes as few as it can, plus its tail."""
    if not patterns:
        if not nodes:
            yield env
        return
    first, rest = patterns[0], patterns[1:]
    hole = many_hole(first)
    if hole is None:
        if nodes:
            for found in unify(first, nodes[0], env):
                yield from _unify_sequence(rest, nodes[1:], found, unify, tails)
        return
    for taken in range(len(nodes) + 1):
        run = tuple(nodes[:taken]) + tails.get(hole, ())
        for found in bind(hole, run, env):
            yield from _unify_sequence(rest, nodes[taken:], found, unify, tails)


def unify_call(
    patterns: Sequence[ast.AST],
    keyword_patterns: Sequence[ast.keyword],
    nodes: Sequence[ast.AST],
    keywords: Sequence[ast.keyword],
    env: Env,
    unify: Unify,
) -> Iterator[Env]:
    """Keywords match by name in any order; those that the pattern does not name go to `$$$A`."""

    def pair_keywords(
        left: Sequence[ast.keyword], right: Sequence[ast.keyword], env: Env
    ) -> Iterator[tuple[Env, tuple[ast.keyword, ...]]]:
        if not left:
            yield env, tuple(right)
            return
        for index, keyword in enumerate(right):
            for found in unify(left[0], keyword, env):
                remaining = [*right[:index], *right[index + 1 :]]
                yield from pair_keywords(left[1:], remaining, found)

    lists = [hole for pattern in patterns if (hole := many_hole(pattern)) is not None]

    # literal names first, so that `$K=$V` takes what is left
    ordered = sorted(keyword_patterns, key=lambda k: k.arg is None or one_hole(k.arg) is not None)
    for found, unnamed in pair_keywords(ordered, keywords, env):
        if unnamed and not lists:
            continue
        tails = {lists[-1]: unnamed} if lists else {}
        yield from _unify_sequence(patterns, nodes, found, unify, tails)


def unify_parameters(
    left: ast.arguments, right: ast.arguments, env: Env, unify: Unify
) -> Iterator[Env]:
    kinds = {id(arg): (kind, default) for kind, arg, default in parameters(left)}
    kinds |= {id(arg): (kind, default) for kind, arg, default in parameters(right)}

    def unify_one(pattern: ast.AST, node: ast.AST, env: Env) -> Iterator[Env]:
        (left_kind, left_default), (right_kind, right_default) = kinds[id(pattern)], kinds[id(node)]
        if left_kind != right_kind or (left_default is None) != (right_default is None):
            return
        for found in unify(pattern, node, env):
            if left_default is None or right_default is None:
                yield found
            else:
                yield from unify(left_default, right_default, found)

    patterns = [arg for _, arg, _ in parameters(left)]
    nodes = [arg for _, arg, _ in parameters(right)]
    yield from _unify_sequence(patterns, nodes, env, unify_one, {})


def parameters(signature: ast.arguments) -> Iterator[tuple[str, ast.arg, ast.expr | None]]:
    """Every parameter in source order: its kind, its node, its default."""
    positional = [("positional", arg) for arg in signature.posonlyargs]
    positional += [("ordinary", arg) for arg in signature.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(signature.defaults))
    for (kind, arg), default in zip_longest(positional, padding + list(signature.defaults)):
        yield kind, arg, default
    if signature.vararg is not None:
        yield "vararg", signature.vararg, None
    for arg, keyword_default in zip(signature.kwonlyargs, signature.kw_defaults, strict=True):
        yield "keyword", arg, keyword_default
    if signature.kwarg is not None:
        yield "kwarg", signature.kwarg, None
