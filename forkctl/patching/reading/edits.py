"""One entry of `edits`, checked: where to look, for what, how often, and what to do there."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from forkctl.patching.engine.arguments import KWARG_FORM, PARAM_FORM
from forkctl.patching.engine.pattern import (
    MATCHED,
    Pattern,
    PatternError,
    holes_in,
    parse_pattern,
)
from forkctl.patching.engine.scopes import MODULE
from forkctl.patching.engine.template import Template, parse_template
from forkctl.patching.model import (
    Alternative,
    CodeEdit,
    DataEdit,
    Edit,
    Expect,
    Imports,
    Operation,
    Search,
    Selector,
    Verb,
)
from forkctl.patching.reading.yamlnodes import Node

_SELECTOR_KEYS = (
    *("scope", "match", "import_from", "at", "where", "inside", "not_inside", "always"),
    *("nested", "expect", "pick"),
)
_VERBS = tuple(verb.value for verb in Verb)
_EDIT_KEYS = ("id", *_SELECTOR_KEYS, "any_of", "unless", "optional", *_VERBS)
_DATA_KEYS = ("id", "set", "add", "optional")
_WHOLE_SCOPE = (Verb.PREPEND, Verb.APPEND, Verb.ADD_PARAM)
_T = TypeVar("_T")


def load_edit(node: Node, number: int, is_data: bool) -> Edit:
    keys = node.mapping("an edit", _DATA_KEYS if is_data else _EDIT_KEYS)
    name = keys["id"].text("`id`").strip() if "id" in keys else str(number)
    optional = "optional" in keys and keys["optional"].flag("`optional`")
    if is_data:
        return _data_edit(node, keys, name, optional)
    unless = None
    if "unless" in keys:
        nested = "nested" in keys and keys["nested"].flag("`nested`")
        pattern = parsed(keys["unless"], parse_pattern)
        unless = Search(pattern, load_scopes(keys.get("scope")), nested)
    return CodeEdit(name, node.line, _alternatives(node, keys), unless, optional)


def _data_edit(node: Node, keys: Mapping[str, Node], name: str, optional: bool) -> DataEdit:
    asked = [key for key in ("set", "add") if key in keys]
    if len(asked) != 1:
        node.fail("an edit of a data file needs `set` or `add`")
    entry = keys[asked[0]]
    parts = entry.mapping(f"`{asked[0]}`", ("path", "value"))
    if "path" not in parts or "value" not in parts:
        entry.fail(f"`{asked[0]}` needs `path` and `value`")
    return DataEdit(
        name,
        node.line,
        _data_path(parts["path"]),
        _value(parts["value"]),
        asked == ["add"],
        optional,
    )


def _value(node: Node) -> Any:
    """YAML has values that JSON does not."""
    value = node.plain()
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += [*each, *each.values()]
        elif isinstance(each, list):
            pending += each
        elif not isinstance(each, str | int | float | None):
            node.fail(
                f"`value` is neither text nor a number, but {type(each).__name__}",
                f'put it in quotes: "{each}"',
            )
    return value


def _data_path(node: Node) -> tuple[str | int, ...]:
    """`a.b.0`, or a list of keys if one of them contains a dot."""
    value = node.plain()
    parts = value if isinstance(value, list) else str(value).split(".")
    if not parts or any(part == "" or not isinstance(part, str | int) for part in parts):
        node.fail("`path` must be keys separated by dots, or a list of keys")
    if isinstance(value, list):
        return tuple(parts)
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _alternatives(node: Node, keys: Mapping[str, Node]) -> tuple[Alternative, ...]:
    if "any_of" not in keys:
        return (_alternative(node, keys),)
    alternatives = []
    for entry in keys["any_of"].items("`any_of`"):
        own = entry.mapping("an entry of `any_of`", (*_SELECTOR_KEYS, *_VERBS))
        inherited = dict(keys)
        if any(verb in own for verb in _VERBS):
            inherited = {key: value for key, value in keys.items() if key not in _VERBS}
        if "match" in own or "import_from" in own:
            inherited = {k: v for k, v in inherited.items() if k not in ("match", "import_from")}
        alternatives.append(_alternative(entry, {**inherited, **own}))
    return tuple(alternatives)


def _alternative(node: Node, keys: Mapping[str, Node]) -> Alternative:
    verbs = [verb for verb in Verb if verb.value in keys]
    if len(verbs) != 1:
        given = ", ".join(verb.value for verb in verbs) or "none"
        node.fail(
            f"an edit needs one operation, but has {given}", f"use one of {', '.join(_VERBS)}"
        )
    (verb,) = verbs
    selector = _selector(node, keys, verb)
    operation = Operation(verb, _code(keys[verb.value], verb))
    _check_fit(keys[verb.value], selector, operation)
    _check_holes(keys[verb.value], selector, operation)
    return Alternative(selector, operation)


def _code(node: Node, verb: Verb) -> Template | None:
    if verb is Verb.REMOVE:
        if not node.flag("`remove`"):
            node.fail("`remove` must be `true`")
        return None
    if verb is Verb.ADD_PARAM:
        return _formed(node, PARAM_FORM, _is_parameter, "`name=default` or `name: type = default`")
    if verb is Verb.ADD_KWARG:
        return _formed(node, KWARG_FORM, _is_keyword, "`name=value`")
    return parsed(node, parse_template)


def _formed(
    node: Node, form: tuple[str, str], accepts: Callable[[Template], bool], how: str
) -> Template:
    text = node.text("it").strip()
    try:
        template = parse_template(form[0] + text + form[1])
    except PatternError:
        template = None
    if template is None or not accepts(template):
        node.fail(f"`{text}` is not one argument", f"write {how}")
    return template


def _is_parameter(template: Template) -> bool:
    (function,) = template.nodes
    assert isinstance(function, ast.FunctionDef)
    signature = function.args
    count = len(signature.args) + len(signature.kwonlyargs)
    plain = not (signature.posonlyargs or signature.vararg or signature.kwarg)
    return count == 1 and plain and not signature.kwonlyargs and not template.holes


def _is_keyword(template: Template) -> bool:
    call = template.expression
    return (
        isinstance(call, ast.Call)
        and not call.args
        and len(call.keywords) == 1
        and call.keywords[0].arg is not None
    )


def _check_fit(node: Node, selector: Selector, operation: Operation) -> None:
    """Refuse an operation that cannot fit what the selector finds, whatever the file holds."""
    verb, code = operation.verb, operation.code
    if selector.target is None and verb in (Verb.REPLACE, Verb.REMOVE):
        node.fail(f"`{verb.value}` needs a pattern that shows everything that goes away")
    if isinstance(selector.target, Imports) and verb in (Verb.PREPEND, Verb.APPEND, Verb.WRAP):
        node.fail(f"`{verb.value}` does not work on an import")
    clause = isinstance(selector.target, Pattern) and _is_clause(selector.target.nodes)
    if code is not None and _is_clause(code.nodes) and not (clause and verb is Verb.REPLACE):
        node.fail("an `except` clause as code may only replace an `except` clause")
    if clause and verb is Verb.REPLACE and code is not None and not _is_clause(code.nodes):
        node.fail("an `except` clause can be replaced only with `except` clauses")
    if clause and verb not in (Verb.PREPEND, Verb.APPEND, Verb.REPLACE) and not selector.at:
        node.fail("an `except` clause takes only `prepend`, `append` and `replace`")


def _is_clause(nodes: tuple[ast.AST, ...]) -> bool:
    return isinstance(nodes[0], ast.ExceptHandler)


def _check_holes(node: Node, selector: Selector, operation: Operation) -> None:
    """Code may use only holes that its pattern fills."""
    code = operation.code
    if code is None:
        return
    uses_match = sum(holes_in(top).get(MATCHED, 0) for top in code.nodes)
    if operation.verb is Verb.WRAP and uses_match != 1:
        node.fail("`wrap` must contain `$MATCH` once, where the wrapped text goes")
    if operation.verb is not Verb.WRAP and uses_match:
        node.fail("`$MATCH` may be used only in `wrap`")
    unknown = sorted(code.holes - _bound_holes(selector) - {MATCHED})
    if unknown:
        node.fail(f"the code uses `${unknown[0]}`, which the pattern does not fill")


def parsed(node: Node, parse: Callable[[str], _T]) -> _T:
    """Parse a piece of Python; whatever is wrong with it is refused with its line."""
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


def _selector(node: Node, keys: Mapping[str, Node], verb: Verb) -> Selector:
    expect = _expect(keys["expect"]) if "expect" in keys else Expect()
    pick = _pick(keys["pick"]) if "pick" in keys else None
    if pick is not None and "expect" not in keys:
        keys["pick"].fail(
            "`pick` needs `expect`: say how many places match, so that one more is noticed"
        )
    selector = Selector(
        scopes=load_scopes(keys.get("scope")),
        target=_target(node, keys, verb),
        at=keys["at"].text("`at`").strip().lstrip("$") if "at" in keys else None,
        where=_where(keys["where"]) if "where" in keys else (),
        inside=_around(keys.get("inside")),
        not_inside=_around(keys.get("not_inside")),
        always="always" in keys and keys["always"].flag("`always`"),
        nested="nested" in keys and keys["nested"].flag("`nested`"),
        expect=expect,
        pick=pick,
    )
    bound = _bound_holes(selector)
    for hole, _ in selector.where:
        if hole not in bound:
            keys["where"].fail(f"`where` names `{hole}`, which is not a hole of the pattern")
    if selector.at is not None:
        target = selector.target
        counts = [holes_in(top) for top in target.nodes] if isinstance(target, Pattern) else []
        if sum(count.get(selector.at, 0) for count in counts) != 1:
            keys["at"].fail(f"`at: {selector.at}` must name a hole that occurs once in `match`")
    return selector


def _target(node: Node, keys: Mapping[str, Node], verb: Verb) -> Pattern | Imports | None:
    if "match" in keys and "import_from" in keys:
        node.fail("an edit may have `match` or `import_from`, not both")
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
                "`inside` needs one statement with a `$$$NAME` for the part that holds the anchor",
                "for the body of an `if`, write `if $C: $$$BODY`",
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
        node.fail(f"`expect: {text}` is not a number or range", "write `2`, `1..3` or `1..`")
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
        node.fail("`pick` must be `first`, `last` or a number from 1")
    return int(text)


def _bound_holes(selector: Selector) -> frozenset[str]:
    """The holes that an anchor of this selector fills."""
    holes = selector.target.holes if isinstance(selector.target, Pattern) else frozenset()
    for pattern in selector.inside:
        holes |= pattern.holes - pattern.lists
    return holes
