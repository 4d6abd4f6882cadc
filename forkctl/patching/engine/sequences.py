"""Lists of a pattern against lists of code: elements, arguments of a call, parameters.

Each function takes `unify`, which says how one element matches one element.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest

from forkctl.patching.engine.bindings import Env, bind
from forkctl.patching.engine.holes import many_hole, one_hole

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
    """Elements pair up in order; `$$$A` takes as few as it can, plus its tail."""
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
    """Every parameter in source order: its kind, itself, its default."""
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
