"""One entry of `edits`, checked: selectors, alternatives, the operation and its code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from forkctl.patching.engine.code import Template, parse_template
from forkctl.patching.engine.holes import MATCHED, PatternError, holes_in
from forkctl.patching.engine.operations import KWARG_FORM, PARAM_FORM
from forkctl.patching.engine.pattern import Pattern, parse_pattern
from forkctl.patching.model import (
    Alternative,
    CodeEdit,
    DataEdit,
    Edit,
    Imports,
    Operation,
    Search,
    Selector,
    Verb,
)
from forkctl.patching.reading.selector_loading import (
    SELECTOR_KEYS,
    bound_holes,
    load_scopes,
    load_selector,
    parsed,
)
from forkctl.patching.reading.yamlnodes import Node

_VERBS = tuple(verb.value for verb in Verb)
_EDIT_KEYS = ("id", *SELECTOR_KEYS, "any_of", "unless", "optional", *_VERBS)
_DATA_KEYS = ("id", "set", "add", "optional")


def load_edit(node: Node, number: int, is_data: bool) -> Edit:
    keys = node.mapping("an edit", _DATA_KEYS if is_data else _EDIT_KEYS)
    name = keys["id"].text("`id`").strip() if "id" in keys else str(number)
    optional = "optional" in keys and keys["optional"].flag("`optional`")
    if is_data:
        return _data_edit(node, keys, name, optional)
    unless = _search(keys["unless"], keys) if "unless" in keys else None
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
        parts["value"].plain(),
        asked == ["add"],
        optional,
    )


def _data_path(node: Node) -> tuple[str | int, ...]:
    """`a.b.0`, or a list of keys where one holds a dot."""
    value = node.plain()
    parts = value if isinstance(value, list) else str(value).split(".")
    if not parts or any(part == "" or not isinstance(part, str | int) for part in parts):
        node.fail("`path` must be keys with dots between them, or a list of keys")
    if isinstance(value, list):
        return tuple(parts)
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _alternatives(node: Node, keys: Mapping[str, Node]) -> tuple[Alternative, ...]:
    if "any_of" not in keys:
        return (_alternative(node, keys),)
    alternatives = []
    for entry in keys["any_of"].items("`any_of`"):
        own = entry.mapping("an entry of `any_of`", (*SELECTOR_KEYS, *_VERBS))
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
        node.fail(f"an edit needs one operation, and has {given}", f"one of {', '.join(_VERBS)}")
    (verb,) = verbs
    selector = load_selector(node, keys, verb)
    operation = Operation(verb, _code(keys[verb.value], verb))
    _check_fit(keys[verb.value], selector, operation)
    _check_holes(keys[verb.value], selector, operation)
    return Alternative(selector, operation)


def _search(node: Node, keys: Mapping[str, Node]) -> Search:
    """`unless: PATTERN` in the edit's own scope, or a mapping with a scope of its own."""
    if node.yaml.id != "mapping":
        nested = "nested" in keys and keys["nested"].flag("`nested`")
        return Search(parsed(node, parse_pattern), load_scopes(keys.get("scope")), nested)
    own = node.mapping("`unless`", ("match", "scope", "nested"))
    if "match" not in own:
        node.fail("`unless` needs a pattern: `unless: {match: …, scope: …}`")
    nested = "nested" in own and own["nested"].flag("`nested`")
    return Search(parsed(own["match"], parse_pattern), load_scopes(own.get("scope")), nested)


def _code(node: Node, verb: Verb) -> Template | None:
    if verb is Verb.REMOVE:
        if not node.flag("`remove`"):
            node.fail("`remove` is `true`")
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
    """Whether the operation can fit what the selector finds, whatever the file holds."""
    verb, code = operation.verb, operation.code
    if selector.target is None and verb in (Verb.REPLACE, Verb.REMOVE):
        node.fail(f"`{verb.value}` needs a pattern that shows all of what goes away")
    if isinstance(selector.target, Imports) and verb in (Verb.PREPEND, Verb.APPEND, Verb.WRAP):
        node.fail(f"`{verb.value}` does not fit an import")
    clause = isinstance(selector.target, Pattern) and _is_clause(selector.target.nodes)
    if code is not None and _is_clause(code.nodes) and not (clause and verb is Verb.REPLACE):
        node.fail("an `except` clause as code may only replace an `except` clause")
    if clause and verb is Verb.REPLACE and code is not None and not _is_clause(code.nodes):
        node.fail("an `except` clause is replaced by `except` clauses")
    if clause and verb not in (Verb.PREPEND, Verb.APPEND, Verb.REPLACE) and not selector.at:
        node.fail("an `except` clause takes `prepend`, `append` and `replace`")


def _is_clause(nodes: tuple[ast.AST, ...]) -> bool:
    return isinstance(nodes[0], ast.ExceptHandler)


def _check_holes(node: Node, selector: Selector, operation: Operation) -> None:
    """Code may only use holes that its pattern fills."""
    code = operation.code
    if code is None:
        return
    uses_match = sum(holes_in(top).get(MATCHED, 0) for top in code.nodes)
    if operation.verb is Verb.WRAP and uses_match != 1:
        node.fail("`wrap` must hold `$MATCH` once, where the wrapped text goes")
    if operation.verb is not Verb.WRAP and uses_match:
        node.fail("`$MATCH` stands for the matched text in `wrap` only")
    unknown = sorted(code.holes - bound_holes(selector) - {MATCHED})
    if unknown:
        node.fail(f"the code uses `${unknown[0]}`, which the pattern does not fill")
