"""Find the places of a file that a selector describes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.matcher import Binding, Env, Mode, match, match_run, may_match
from forkctl.patching.engine.pattern import Pattern
from forkctl.patching.engine.scopes import Scope, ScopeIndex, find_scope
from forkctl.patching.engine.source import Source
from forkctl.patching.model import Imports, Search, Selector


@dataclass(frozen=True)
class Anchor:
    """A place: one expression, one `except` clause, or a run of statements."""

    nodes: tuple[ast.AST, ...]
    scope: Scope
    env: Env = field(default_factory=dict)

    @property
    def expression(self) -> ast.expr | None:
        node = self.nodes[0]
        return node if isinstance(node, ast.expr) else None


def find_anchors(source: Source, selector: Selector, mode: Mode) -> list[Anchor]:
    """Every place that the selector describes, in source order; `expect` is not checked here."""
    scope = find_scope(source.scopes, selector.scopes)
    found = [
        anchor
        for candidate in _candidates(source, scope, selector, mode)
        if (anchor := _constrained(source, selector, candidate)) is not None
    ]
    if selector.at is not None:
        found = [_narrowed(anchor, selector.at) for anchor in found]
    return sorted(found, key=lambda anchor: source.start(anchor.nodes[0]))


def counted(source: Source, selector: Selector, anchors: Sequence[Anchor]) -> list[Anchor]:
    """Check the number of places against `expect`, then choose by `pick`."""
    expect, lines = selector.expect, lines_of(source, anchors)
    if len(anchors) < expect.least:
        raise Refusal(
            Code.NO_ANCHOR,
            "nothing matches"
            if not anchors
            else f"only {len(anchors)} of the {expect.least} expected places match",
            lines=lines,
        )
    if expect.most is not None and len(anchors) > expect.most:
        raise Refusal(
            Code.AMBIGUOUS,
            f"{len(anchors)} places match, at most {expect.most} "
            f"{'was' if expect.most == 1 else 'were'} expected",
            lines=lines,
        )
    if selector.pick is None or not anchors:
        return list(anchors)
    if selector.pick == "first":
        return [anchors[0]]
    if selector.pick == "last":
        return [anchors[-1]]
    assert isinstance(selector.pick, int)
    if selector.pick > len(anchors):
        raise Refusal(
            Code.NO_ANCHOR,
            f"place {selector.pick} was picked, but only {len(anchors)} match",
            lines=lines,
        )
    return [anchors[selector.pick - 1]]


def lines_of(source: Source, anchors: Sequence[Anchor]) -> tuple[int, ...]:
    return tuple(source.line_at(source.start(anchor.nodes[0])) for anchor in anchors)


def occurs(source: Source, search: Search) -> bool:
    """Whether a pattern matches in its scope; in a scope that is missing it does not."""
    selector = Selector(scopes=search.scopes, target=search.pattern, nested=search.nested)
    try:
        return bool(find_anchors(source, selector, Mode.LENIENT))
    except Refusal as refusal:
        if refusal.code is Code.NO_SCOPE:
            return False
        raise


def _candidates(source: Source, scope: Scope, selector: Selector, mode: Mode) -> Iterator[Anchor]:
    if selector.target is None:
        yield Anchor((scope.node,), scope)
    elif isinstance(selector.target, Imports):
        for node in source.index(scope, selector.nested).by_type.get(ast.ImportFrom, ()):
            if isinstance(node, ast.ImportFrom) and imports(node, selector.target):
                yield Anchor((node,), scope)
    else:
        index = source.index(scope, selector.nested)
        for nodes, env in pattern_matches(index, selector.target, mode):
            yield Anchor(nodes, scope, env)


def pattern_matches(
    index: ScopeIndex, pattern: Pattern, mode: Mode
) -> Iterator[tuple[tuple[ast.AST, ...], Env]]:
    """Every match of a pattern in a scope."""
    first = pattern.nodes[0]
    if isinstance(first, ast.expr | ast.ExceptHandler):
        for node in index.by_type.get(type(first), ()):
            if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
                continue  # `x` as a pattern means the value, not the assignment to it
            env = match(first, node, mode)
            if env is not None:
                yield (node,), env
        return
    size = len(pattern.nodes)
    for block in index.blocks:
        for start in range(len(block) - size + 1):
            if not may_match(first, block[start]):
                continue
            run = tuple(block[start : start + size])
            env = match_run(pattern.nodes, run, mode)
            if env is not None:
                yield run, env


def imports(node: ast.ImportFrom, wanted: Imports) -> bool:
    module = "." * node.level + (node.module or "")
    names = {alias_text(alias) for alias in node.names}
    return module == wanted.module and names.issuperset(wanted.names)


def alias_text(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _constrained(source: Source, selector: Selector, anchor: Anchor) -> Anchor | None:
    """The anchor with the holes of `inside` filled too; None if a constraint fails."""
    around = _enclosing(source, anchor)
    for env in _inside_all(anchor, around, selector.inside, anchor.env):
        if _where_holds(selector, env) and not any(
            True for pattern in selector.not_inside for _ in _inside(anchor, around, pattern, env)
        ):
            return Anchor(anchor.nodes, anchor.scope, env)
    return None


def _where_holds(selector: Selector, env: Env) -> bool:
    return all(
        hole in env and re.search(expression, normal_text(env[hole])) is not None
        for hole, expression in selector.where
    )


def _enclosing(source: Source, anchor: Anchor) -> list[ast.AST]:
    """The nodes around an anchor within its scope, innermost first."""
    around = []
    for node in source.ancestors(anchor.nodes[0]):
        if node is anchor.scope.node:
            break
        around.append(node)
    return around


def _inside_all(
    anchor: Anchor, around: list[ast.AST], patterns: Sequence[Pattern], env: Env
) -> Iterator[Env]:
    """Each way in which all patterns enclose the anchor, not only by the innermost statements."""
    if not patterns:
        yield env
        return
    for found in _inside(anchor, around, patterns[0], env):
        yield from _inside_all(anchor, around, patterns[1:], found)


def _inside(anchor: Anchor, around: list[ast.AST], pattern: Pattern, env: Env) -> Iterator[Env]:
    """The matches around the anchor that have it in their `$$$NAME`.

    So an anchor in the `else` branch is not inside of `if $C: $$$B`, whose `$$$B` is the body.
    """
    known = {name: bound for name, bound in env.items() if name not in pattern.lists}
    for node in around:
        found = _shown(anchor, around, node, pattern, known)
        if found is not None:
            yield {**{k: v for k, v in found.items() if k not in pattern.lists}, **env}


def _shown(
    anchor: Anchor, around: list[ast.AST], node: ast.AST, pattern: Pattern, known: Env
) -> Env | None:
    """The match of the pattern with this node, if it has the anchor in its `$$$NAME`."""
    found = match(pattern.nodes[0], node, Mode.LENIENT, known)
    if found is None:
        return None
    own = {*around, anchor.nodes[0]}
    runs = [found[hole] for hole in pattern.lists if hole in found]
    return found if any(isinstance(run, tuple) and own.intersection(run) for run in runs) else None


_CONDITIONAL = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case),
    *(ast.IfExp, ast.BoolOp, ast.Lambda, ast.comprehension),
)


def runs_always(source: Source, selector: Selector, anchor: Anchor) -> bool:
    """Whether the anchor runs on every way through its scope: it stands in no branch or loop but
    those that `inside` shows, and nothing returns before it. Errors do not count."""
    around = _enclosing(source, anchor)
    below: ast.AST = anchor.nodes[0]
    for node in around:
        header = getattr(node, "test", None) or getattr(node, "iter", None)
        in_branch = isinstance(node, _CONDITIONAL) and below is not header
        if in_branch and not any(
            _shown(anchor, around, node, pattern, {}) is not None for pattern in selector.inside
        ):
            return False
        below = node
    start = source.start(anchor.nodes[0])
    returns = source.index(anchor.scope, nested=False).by_type.get(ast.Return, ())
    return all(source.start(node) >= start for node in returns)


def _narrowed(anchor: Anchor, hole: str) -> Anchor:
    binding = anchor.env[hole]
    nodes = binding if isinstance(binding, tuple) else (binding,)
    if not nodes or not all(isinstance(node, ast.AST) for node in nodes):
        raise Refusal(Code.KIND, f"`at: {hole}` matched nothing that can be edited")
    return Anchor(nodes, anchor.scope, anchor.env)  # type: ignore[arg-type]


def normal_text(binding: Binding) -> str:
    """A binding as Python prints it, whatever its quotes and spaces are."""
    if isinstance(binding, str):
        return binding
    if isinstance(binding, ast.AST):
        return ast.unparse(binding)
    return "\n".join(map(ast.unparse, binding))
