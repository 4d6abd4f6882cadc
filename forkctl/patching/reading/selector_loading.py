"""The selectors of an edit, checked: where to look, what for, and how often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from forkctl.patching.engine.holes import PatternError, holes_in
from forkctl.patching.engine.pattern import Pattern, parse_pattern
from forkctl.patching.engine.scopes import MODULE
from forkctl.patching.model import Expect, Imports, Selector, Verb
from forkctl.patching.reading.yamlnodes import Node

SELECTOR_KEYS = (
    "scope",
    "match",
    "import_from",
    "at",
    "where",
    "inside",
    "not_inside",
    "nested",
    "expect",
    "pick",
)
_WHOLE_SCOPE = (Verb.PREPEND, Verb.APPEND, Verb.ADD_PARAM)
_T = TypeVar("_T")


def parsed(node: Node, parse: Callable[[str], _T]) -> _T:
    """Parse a piece of Python; what is wrong with it is said with its line."""
    try:
        return parse(node.text("it"))
    except PatternError as error:
        node.fail(str(error))


def load_scopes(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return (MODULE,)
    scopes = tuple(entry.text("`scope`").strip() for entry in node.one_or_more())
    for scope in scopes:
        if scope != MODULE and not re.fullmatch(r"[\w*?]+(\.[\w*?]+)*", scope):
            node.fail(
                f"`{scope}` is not a scope", f"write `name`, `Class.method`, `*.name` or {MODULE}"
            )
    return scopes


def load_selector(node: Node, keys: Mapping[str, Node], verb: Verb) -> Selector:
    expect = _expect(keys["expect"]) if "expect" in keys else Expect()
    pick = _pick(keys["pick"]) if "pick" in keys else None
    if pick is not None and "expect" not in keys:
        keys["pick"].fail(
            "`pick` needs `expect`: say how many places match, so that another one is noticed"
        )
    selector = Selector(
        scopes=load_scopes(keys.get("scope")),
        target=_target(node, keys, verb),
        at=keys["at"].text("`at`").strip().lstrip("$") if "at" in keys else None,
        where=_where(keys["where"]) if "where" in keys else (),
        inside=_around(keys.get("inside")),
        not_inside=_around(keys.get("not_inside")),
        nested="nested" in keys and keys["nested"].flag("`nested`"),
        expect=expect,
        pick=pick,
    )
    bound = bound_holes(selector)
    for hole, _ in selector.where:
        if hole not in bound:
            keys["where"].fail(f"`where` names `{hole}`, which is no hole of the pattern")
    if selector.at is not None:
        target = selector.target
        counts = [holes_in(top) for top in target.nodes] if isinstance(target, Pattern) else []
        if sum(count.get(selector.at, 0) for count in counts) != 1:
            keys["at"].fail(f"`at: {selector.at}` must name a hole that is in `match` once")
    return selector


def _target(node: Node, keys: Mapping[str, Node], verb: Verb) -> Pattern | Imports | None:
    if "match" in keys and "import_from" in keys:
        node.fail("an edit has `match` or `import_from`, not both")
    if "import_from" in keys:
        return _imports(keys["import_from"])
    if "match" not in keys:
        if verb not in _WHOLE_SCOPE:
            node.fail(f"`{verb.value}` needs `match` or `import_from`")
        return None
    if keys["match"].text("`match`").strip() == "@scope":
        return None
    return parsed(keys["match"], parse_pattern)


def _imports(node: Node) -> Imports:
    form = "write `import_from: {module: a.b, names: [c, d]}`"
    if node.yaml.id != "mapping":
        node.fail("`import_from` needs a module and names", form)
    keys = node.mapping("`import_from`", ("module", "names"))
    if "module" not in keys or "names" not in keys:
        node.fail("`import_from` needs a module and names", form)
    names = tuple(" ".join(name.text("a name").split()) for name in keys["names"].one_or_more())
    return Imports(keys["module"].text("`module`").strip(), names)


def _around(node: Node | None) -> tuple[Pattern, ...]:
    if node is None:
        return ()
    patterns = []
    for entry in node.one_or_more():
        pattern = parsed(entry, parse_pattern)
        if not pattern.lists or len(pattern.nodes) != 1:
            entry.fail(
                "`inside` needs one statement with a `$$$NAME` that says where in it",
                "for the body of an `if`: `if $C: $$$BODY`",
            )
        patterns.append(pattern)
    return tuple(patterns)


def _where(node: Node) -> tuple[tuple[str, str], ...]:
    conditions = []
    for hole, value in node.pairs("`where`"):
        expression = value.text("a regular expression")
        try:
            re.compile(expression)
        except re.error as error:
            value.fail(f"`{expression}` is not a regular expression: {error}")
        conditions.append((hole.lstrip("$"), expression))
    return tuple(conditions)


def _expect(node: Node) -> Expect:
    text = node.text("`expect`").strip()
    found = re.fullmatch(r"(\d+)(?:(\.\.)(\d+)?)?", text)
    if found is None:
        node.fail(f"`expect: {text}` is not understood", "write `2`, `1..3` or `1..`")
    least = int(found[1])
    most = least if found[2] is None else (int(found[3]) if found[3] else None)
    if most is not None and (most < least or most == 0):
        node.fail(f"`expect: {text}` can never hold")
    return Expect(least, most)


def _pick(node: Node) -> str | int:
    text = node.text("`pick`").strip()
    if text in ("first", "last"):
        return text
    if not text.isdigit() or int(text) < 1:
        node.fail("`pick` is `first`, `last` or a number from 1")
    return int(text)


def bound_holes(selector: Selector) -> frozenset[str]:
    """The holes that an anchor of this selector fills."""
    holes = selector.target.holes if isinstance(selector.target, Pattern) else frozenset()
    for pattern in selector.inside:
        holes |= pattern.holes - pattern.lists
    return holes
