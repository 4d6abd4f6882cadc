"""What must come out: a version's tree with the judged edits made on it, without the engine.

Only the code of a patch is read from its file. Where it goes is the judgement's, and all else of a
result must be the version's own. Trees are compared, so that layout and comments do not count; an
import of ours may stand anywhere at the top level before it is used.
"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.public_forks.judgements import Judged, Spot
from benchmarks.public_forks.places import (
    Body,
    NoSuchPlace,
    Place,
    blocks,
    find,
    header,
    scope_of,
)

_VERBS = (
    "insert_before",
    "insert_after",
    "prepend",
    "append",
    "replace",
    "wrap",
    "add_kwarg",
    "add_param",
)
_IMPORTS = ast.Import | ast.ImportFrom


def code_of(edit: Mapping[str, Any]) -> str:
    """The code that an edit of a patch file brings; of alternatives the first one's."""
    said = {**edit["any_of"][0], **edit} if "any_of" in edit else edit
    return next((str(said[verb]) for verb in _VERBS if verb in said), "")


@dataclass(frozen=True)
class Expected:
    """A file's tree after the edits, and what must be there beside: imports at its top level, and
    code anywhere in a body."""

    tree: ast.Module
    imports: tuple[ast.stmt, ...]
    within: tuple[tuple[str, str], ...]  # scope, code
    before: ast.Module

    def is_met_by(self, after: bytes) -> bool:
        try:
            result = parse(after)
        except (SyntaxError, ValueError):
            return False
        try:
            _take_out(result, self.imports, self.before)
            for scope, code in self.within:
                _take_out_of_body(scope_of(result, scope).body, code)
        except NoSuchPlace:
            return False
        return _plain(result) == _plain(self.tree)


def parse(data: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # upstream's invalid escapes
        return ast.parse(data)


def expected_of(before: bytes, edits: Sequence[tuple[Mapping[str, Any], Judged]]) -> Expected:
    """Raises NoSuchPlace where a judgement does not fit the file."""
    tree = parse(before)
    spots = [(edit, spot) for edit, judged in edits for spot in judged.spots]
    imports = [
        node for edit, spot in spots if spot.how == "top" for node in ast.parse(code_of(edit)).body
    ]
    within = [(spot.where, code_of(edit)) for edit, spot in spots if spot.how == "within"]
    for scope, _ in within:
        scope_of(tree, scope)
    # places first: the edits below move what they are told by
    located = [(e, spot, _located(tree, spot)) for e, spot in spots if spot.how in _ORDER]
    removed = [place.statement for _, spot, place in located if spot.how == "remove" and place]
    gone = ast.unparse(ast.Module([copy.deepcopy(node) for node in removed], []))
    for edit, spot, place in sorted(located, key=lambda each: _ORDER.index(each[1].how)):
        code = gone if spot.more.get("brings") == "removed" else _filled(edit, spot)
        _make(tree, spot, place, code)
    return Expected(tree, tuple(imports), tuple(within), parse(before))


# what replaces a statement comes last: insertions still find it in its list
_ORDER = ("param", "call", "in", "first", "last", "before", "after", "guard", "swap", "remove")


@dataclass
class _Located:
    """A statement that other edits may have moved in its list meanwhile."""

    body: Body
    statement: ast.stmt

    @property
    def index(self) -> int:
        return next(i for i, each in enumerate(self.body) if each is self.statement)


def _located(tree: ast.Module, spot: Spot) -> Any:
    if spot.how in ("first", "last", "param"):
        return scope_of(tree, spot.where)
    place: Place = find(tree, spot.where)
    return _Located(place.body, place.statement)


def _filled(edit: Mapping[str, Any], spot: Spot) -> str:
    code = str(spot.more.get("code", code_of(edit)))
    for name, text in spot.more.get("holes", {}).items():
        code = code.replace(f"${name}", text)
    return code


def _make(tree: ast.Module, spot: Spot, place: Any, code: str) -> None:
    if spot.how == "param":
        _add_parameter(place, code)
    elif spot.how == "call":
        _add_keyword(place.statement, str(spot.more.get("of", "")), code)
    elif spot.how == "in":
        _rewrite(place.statement, spot)
    elif spot.how == "first":
        docstring = isinstance(place.body[0], ast.Expr) and ast.get_docstring(place) is not None
        place.body[int(docstring) : int(docstring)] = ast.parse(code).body
    elif spot.how == "last":
        place.body += ast.parse(code).body
    elif spot.how == "before":
        place.body[place.index : place.index] = ast.parse(code).body
    elif spot.how == "after":
        place.body[place.index + 1 : place.index + 1] = ast.parse(code).body
    elif spot.how == "guard":
        place.body[place.index : place.index + 1] = _guarded(code, place.statement)
    elif spot.how == "swap":
        place.body[place.index : place.index + 1] = ast.parse(code).body
    elif spot.how == "remove":
        _remove(place, spot.more.get("names"))


def _add_parameter(function: ast.FunctionDef, code: str) -> None:
    added = ast.parse(f"def f({code}): pass").body[0]
    assert isinstance(added, ast.FunctionDef)
    function.args.args += added.args.args
    function.args.defaults += added.args.defaults


def _add_keyword(statement: ast.stmt, function: str, code: str) -> None:
    """In the call that is the statement's value, or in the one of that name within it."""
    value = getattr(statement, "value", None)
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    if function:
        calls = [call for call in calls if ast.unparse(call.func) == function]
    else:
        calls = [call for call in calls if call is value]
    if len(calls) != 1:
        raise NoSuchPlace(f"{header(statement)!r} has {len(calls)} calls of {function!r}")
    (keyword,) = ast.parse(f"f({code})").body[0].value.keywords  # type: ignore[attr-defined]
    if keyword.arg not in [each.arg for each in calls[0].keywords]:
        calls[0].keywords.append(keyword)


def _rewrite(statement: ast.stmt, spot: Spot) -> None:
    """Other text in a statement, or in the head of one that has a body."""
    if "whole" in spot.more:
        _rewrite_value(statement, str(spot.more["whole"]))
        return
    bodies = {name: getattr(statement, name) for name in _BODIES if hasattr(statement, name)}
    text = ast.unparse(_beheaded(statement)) if bodies else ast.unparse(statement)
    old, new = str(spot.more["from"]), str(spot.more["to"])
    if text.count(old) != 1:
        raise NoSuchPlace(f"{old!r} is {text.count(old)} times in {header(statement)!r}")
    (fresh,) = ast.parse(text.replace(old, new)).body
    # the same object with other content: more edits may be told by this statement
    statement.__class__ = type(fresh)
    statement.__dict__.clear()
    statement.__dict__.update({**fresh.__dict__, **bodies})


_BODIES = ("body", "orelse", "finalbody", "handlers")


def _beheaded(statement: ast.stmt) -> ast.stmt:
    """A compound statement without what is in it."""
    empty = copy.copy(statement)
    for name in _BODIES:
        if hasattr(statement, name):
            setattr(empty, name, [ast.Pass()] if name == "body" else [])
    return empty


def _rewrite_value(statement: ast.stmt, new: str) -> None:
    name = next(n for n in ("value", "test", "iter") if getattr(statement, n, None) is not None)
    kept = getattr(statement, name)
    fresh = ast.parse(new.replace("$MATCH", "(MATCH)"), mode="eval").body

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return kept if node.id == "MATCH" else node

    setattr(statement, name, Put().visit(fresh))


def _guarded(code: str, statement: ast.stmt) -> Body:
    """The code with the statement in place of $MATCH."""
    tree = ast.parse(code.replace("$MATCH", "MATCH"))

    def put(node: ast.AST) -> None:
        for _, body in blocks(node):
            for index, each in enumerate(body):
                if isinstance(each, ast.Expr) and ast.unparse(each) == "MATCH":
                    body[index] = statement
                else:
                    put(each)

    put(tree)
    return tree.body


def _remove(place: _Located, names: Sequence[str] | None) -> None:
    statement = place.statement
    if names is not None and isinstance(statement, ast.ImportFrom):
        statement.names = [alias for alias in statement.names if alias.name not in names]
        if statement.names:
            return
    del place.body[place.index]
    if not place.body:
        place.body.append(ast.Pass())


# -- comparing --------------------------------------------------------------------------------


def _take_out(result: ast.Module, imports: Sequence[ast.stmt], before: ast.Module) -> None:
    """Check that our imports stand at the top level, before any use, and take them out again."""
    for wanted in imports:
        text = ast.dump(wanted)
        at = [index for index, node in enumerate(result.body) if _is_import(node, text)]
        had = sum(_is_import(node, text) for node in before.body)
        if not at or len(at) > had + 1:
            raise NoSuchPlace(f"{ast.unparse(wanted)} is {len(at)} times at the top level")
        bound = {alias.asname or alias.name.split(".")[0] for alias in wanted.names}  # type: ignore[attr-defined]
        if any(_uses_now(node, bound) for node in result.body[: at[0]]):
            raise NoSuchPlace(f"{ast.unparse(wanted)} comes after its first use")
        if len(at) > had:
            del result.body[at[0]]


def _take_out_of_body(body: Body, code: str) -> None:
    """Where in a body the code stands makes no difference, but not in a branch of it."""
    wanted = [ast.dump(node) for node in ast.parse(code).body]
    dumped = [ast.dump(node) for node in body]
    at = [i for i in range(len(body)) if dumped[i : i + len(wanted)] == wanted]
    if len(at) != 1:
        raise NoSuchPlace(f"{code!r} is {len(at)} times in its body")
    del body[at[0] : at[0] + len(wanted)]


def _is_import(node: ast.stmt, text: str) -> bool:
    return isinstance(node, _IMPORTS) and ast.dump(node) == text


def _uses_now(node: ast.AST, names: set[str]) -> bool:
    """Whether a statement of the module needs a name when it runs; `if __name__` runs the rest."""
    if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return any(_uses_now(each, names) for each in getattr(node, "decorator_list", []))
    if isinstance(node, ast.Name):
        return node.id in names and isinstance(node.ctx, ast.Load)
    return any(_uses_now(child, names) for child in ast.iter_child_nodes(node))


def _plain(tree: ast.Module) -> str:
    """A tree as text in which what makes no difference is equal: how `and` is nested, and how
    imports that follow each other are cut into statements. The tree is changed on the way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            node.values = list(_operands(node, type(node.op)))
        for _, body in blocks(node):
            body[:] = _single_imports(body)
    return ast.dump(tree)


def _operands(node: ast.expr, kind: type[ast.boolop]) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, kind):
        for value in node.values:
            yield from _operands(value, kind)
    else:
        yield node


def _single_imports(body: Body) -> Body:
    plain: Body = []
    run: list[ast.stmt] = []
    for statement in [*body, ast.Pass()]:
        if isinstance(statement, _IMPORTS) and getattr(statement, "module", "") != "__future__":
            run += _one_each(statement)
            continue
        plain += sorted(run, key=ast.dump)
        run = []
        plain.append(statement)
    return plain[:-1]


def _one_each(statement: ast.Import | ast.ImportFrom) -> Iterator[ast.stmt]:
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            yield ast.Import([alias])
        else:
            yield ast.ImportFrom(statement.module, [alias], statement.level)
