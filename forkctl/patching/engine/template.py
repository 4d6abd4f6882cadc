"""Code that a patch puts in: a template whose holes are filled from what was matched."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.layout import (
    line_content_end,
    line_span,
    map_indent,
    own_unit,
    string_interiors,
)
from forkctl.patching.engine.matcher import Binding, Env
from forkctl.patching.engine.pattern import (
    MATCHED,
    PatternError,
    dedented,
    hide_holes,
    hole_names,
    many_hole,
    one_hole,
    parse_fragment,
)
from forkctl.patching.engine.source import Source

_NAME = r"__forkctl_(?:one|many)_[A-Z_][A-Z0-9_]*"
_HOLE = re.compile(rf"(\s*,\s*)?({_NAME})(\s*,\s*)?")
_LONE_HOLE = re.compile(rf"\s*({_NAME})\s*\Z")


@dataclass(frozen=True)
class Template:
    """A patch's own code, as written and as parsed."""

    text: str
    nodes: tuple[ast.AST, ...] = field(repr=False, compare=False)
    holes: frozenset[str]

    @property
    def expression(self) -> ast.expr | None:
        node = self.nodes[0]
        return node.value if len(self.nodes) == 1 and isinstance(node, ast.Expr) else None


def parse_template(text: str) -> Template:
    nodes = parse_fragment(text, starred=False)
    return Template(dedented(text).removesuffix("\n"), nodes, hole_names(nodes))


def fill_statements(
    template: Template, env: Env, source: Source, *, indent: str, unit: str, ending: str
) -> str:
    """The code as whole lines at an indentation of the file, without a final line end."""
    hidden = hide_holes(template.text)
    untouched = string_interiors(hidden)
    step = own_unit(template.nodes)
    contexts = _hole_contexts(hidden)
    lines: list[str] = []
    for number, line in enumerate(hidden.split("\n"), start=1):
        if number in untouched:
            lines.append(line)
            continue
        body = line.lstrip(" \t")
        if not body.strip():
            lines.append("")
            continue
        white = indent + map_indent(line[: len(line) - len(body)], step, unit)
        lone = _LONE_HOLE.match(line)
        block = env.get(_hole_name(lone[1])) if lone else None
        if _is_block(block):
            lines.extend(reindented(source, _nodes(block), white))
        else:
            lines.append(white + _fill_line(line, number, contexts, env, source).lstrip(" \t"))
    return ending.join("\n".join(lines).split("\n"))


def fill_expression(template: Template, env: Env, source: Source, *, ending: str) -> str:
    hidden = hide_holes(template.text).strip()
    contexts = _hole_contexts(hidden)
    lines = hidden.split("\n")
    filled = (
        _fill_line(line, number, contexts, env, source)
        for number, line in enumerate(lines, start=1)
    )
    return ending.join("\n".join(filled).split("\n"))


def parsed_result(text: str) -> tuple[ast.AST, ...]:
    """Filled code as nodes; refused if what fills a hole does not fit there."""
    try:
        return parse_fragment(text)
    except PatternError as error:
        raise Refusal(Code.KIND, f"the code, with its holes filled, {error}") from None


def parsed_expression(text: str) -> ast.expr:
    """The same for one expression, put in brackets so that it can span lines."""
    (statement,) = parsed_result(f"({text})")
    if not isinstance(statement, ast.Expr):
        raise Refusal(Code.KIND, f"the code, with its holes filled, is not an expression: {text}")
    return statement.value


def reindented(source: Source, nodes: tuple[ast.AST, ...], indent: str) -> list[str]:
    """The lines of upstream's own statements at another indentation, with their comments."""
    place = line_span(source, nodes)
    first = source.line_start(place.first_line)
    block = source.data[first : line_content_end(source, place.last_line)].decode()
    lines = re.split(r"\r\n|\n|\r", block)
    untouched = string_interiors("\n".join(lines))
    result = []
    for number, line in enumerate(lines, start=1):
        if number in untouched:
            result.append(line)
        elif not line.strip():
            result.append("")
        elif line.startswith(place.indent):
            result.append(indent + line[len(place.indent) :])
        else:
            result.append(line)  # a continuation or comment to the left of the block
    return result


def binding_text(binding: Binding, source: Source) -> str:
    """What fills a hole, as upstream wrote it."""
    if isinstance(binding, str):
        return binding
    if isinstance(binding, ast.AST):
        if any(isinstance(node, ast.JoinedStr) for node in source.ancestors(binding)):
            return ast.unparse(binding)  # positions inside of an f-string are not reliable
        return re.sub(r"\r\n?", "\n", source.text(binding))
    if len(binding) > 1 and all(map(_only_comma_between(source), binding, binding[1:])):
        start, end = source.start(binding[0]), source.end(binding[-1])
        return re.sub(r"\r\n?", "\n", source.data[start:end].decode())
    return ", ".join(binding_text(node, source) for node in binding)


def _only_comma_between(source: Source) -> Callable[[ast.AST, ast.AST], bool]:
    """Whether two arguments follow each other directly, apart from comments."""

    def check(left: ast.AST, right: ast.AST) -> bool:
        between = source.data[source.end(left) : source.start(right)]
        return re.sub(rb"#[^\r\n]*|\s", b"", between) == b","

    return check


def _fill_line(
    line: str,
    number: int,
    contexts: dict[tuple[int, int], tuple[ast.AST, str]],
    env: Env,
    source: Source,
) -> str:
    def replacement(found: re.Match[str]) -> str:
        name = _hole_name(found[2])
        binding = env[name]
        lead, comma = found[1] or "", found[3] or ""
        if binding == ():
            return lead if comma else ""  # an empty `$$$A` takes one comma with it
        text = binding_text(binding, source)
        column = len(line[: found.start(2)].encode())
        context = contexts.get((number, column))
        if isinstance(binding, ast.expr) and context is not None:
            return lead + embedded(text, binding, context[0], context[1]) + comma
        if _is_block(binding):
            raise Refusal(Code.KIND, f"`{name}` stands for statements: give it a line of its own")
        if context is None and not text.isidentifier():
            raise Refusal(Code.KIND, f"`{name}` is used as a name, but stands for `{text}`")
        return lead + text + comma

    return _HOLE.sub(replacement, line)


def _hole_contexts(hidden: str) -> dict[tuple[int, int], tuple[ast.AST, str]]:
    """Where each expression hole is: (line, byte column) -> the node around it, its field."""
    contexts: dict[tuple[int, int], tuple[ast.AST, str]] = {}
    offset = 0
    if hidden.lstrip().startswith("except"):
        hidden, offset = f"try:\n    pass\n{hidden}", 2
    for parent in ast.walk(ast.parse(hidden)):
        for name, value in ast.iter_fields(parent):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.Name) and (one_hole(child.id) or many_hole(child)):
                    contexts[(child.lineno - offset, child.col_offset)] = (parent, name)
    return contexts


def _hole_name(identifier: str) -> str:
    return re.sub(r"^__forkctl_(one|many)_", "", identifier)


def _is_block(binding: Binding | None) -> bool:
    if isinstance(binding, ast.stmt | ast.ExceptHandler):
        return True
    return isinstance(binding, tuple) and bool(binding) and isinstance(binding[0], ast.stmt)


def _nodes(binding: Binding | None) -> tuple[ast.AST, ...]:
    if isinstance(binding, tuple):
        return binding
    assert isinstance(binding, ast.AST)
    return (binding,)


def with_match(env: Env, nodes: tuple[ast.AST, ...]) -> Env:
    """The same holes, and `$MATCH` for the matched text."""
    return {**env, MATCHED: nodes[0] if len(nodes) == 1 else nodes}


_CLOSED = (
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    ast.Constant,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.JoinedStr,
)
# Places with delimiters of their own, where an operator needs no parentheses.
_DELIMITED = frozenset(
    {
        (ast.Assign, "value"),
        (ast.AnnAssign, "value"),
        (ast.AugAssign, "value"),
        (ast.Return, "value"),
        (ast.Expr, "value"),
        (ast.keyword, "value"),
        (ast.Call, "args"),
        (ast.List, "elts"),
        (ast.Set, "elts"),
        (ast.Subscript, "slice"),
        (ast.If, "test"),
        (ast.While, "test"),
    }
)
_NEVER_BARE = (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Tuple, ast.GeneratorExp, ast.Starred)


def embedded(text: str, node: ast.expr, parent: ast.AST, field: str) -> str:
    """The text of an expression, in parentheses if that place needs them."""
    if _is_enclosed(text, node):
        # `with (a, b):` would be two context managers
        return f"({text})" if isinstance(parent, ast.withitem) else text
    if "\n" in text and not _parses_alone(text):
        return f"({text})"
    if isinstance(node, ast.Constant) and isinstance(parent, ast.Attribute):
        return text if isinstance(node.value, str | bytes) else f"({text})"
    if isinstance(node, _CLOSED):
        return text
    if (type(parent), field) in _DELIMITED and not isinstance(node, _NEVER_BARE):
        return text
    return f"({text})"


def _is_enclosed(text: str, node: ast.expr) -> bool:
    """Whether the text has brackets of its own: a parenthesised tuple or generator."""
    if not isinstance(node, ast.Tuple | ast.GeneratorExp) or not text.startswith("("):
        return False
    # `(a), (b)` begins with a parenthesis too, but `f(a), (b)` is not one call
    return isinstance(ast.parse(f"f{text}", mode="eval").body, ast.Call)


def _parses_alone(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def spaced(data: bytes, start: int, end: int, text: bytes) -> bytes:
    """Keep a name that replaces a bracketed expression from joining the words beside it."""

    def is_word(byte: bytes) -> bool:
        return byte.isalnum() or byte == b"_" or byte >= b"\x80"

    previous = data[:start].removeprefix(b"\xef\xbb\xbf")[-1:]  # a BOM is not a word
    left = b" " if is_word(previous) and is_word(text[:1]) else b""
    right = b" " if is_word(text[-1:]) and is_word(data[end : end + 1]) else b""
    return left + text + right
