"""`add_param` and `add_kwarg`: one more argument, in the layout of the existing list."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.layout import line_end_of
from forkctl.patching.engine.matcher import parameters, same
from forkctl.patching.engine.source import Source
from forkctl.patching.engine.splice import ArgumentSite, NewArgument
from forkctl.patching.engine.task import Task
from forkctl.patching.engine.template import fill_expression, parsed_result

# The code of these two is kept as Python of this form, so that it parses and takes holes.
PARAM_FORM = ("def _(", "): pass")
KWARG_FORM = ("_(", ")")


@dataclass(frozen=True)
class _Brackets:
    """A list in parentheses: the offsets of its parentheses and of what is between them."""

    opening: int
    closing: int
    last_end: int | None  # past the last item; None if there is none
    comma: int | None  # past a trailing comma, if there is one


def add_param(task: Task) -> list[NewArgument]:
    function = task.code.nodes[0]
    assert isinstance(function, ast.FunctionDef)
    (parameter,) = [*function.args.args, *function.args.kwonlyargs]
    text = task.code.text.removeprefix(PARAM_FORM[0]).removesuffix(PARAM_FORM[1])
    return _new_parameter(task.source, task.anchor.nodes[0], parameter, text)


def add_kwarg(task: Task) -> list[NewArgument]:
    source, node = task.source, task.anchor.nodes[0]
    ending = line_end_of(source, source.line_at(source.start(node)))
    text = fill_expression(task.code, task.anchor.env, source, ending=ending)
    (statement,) = parsed_result(text)
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    text = text.removeprefix(KWARG_FORM[0]).removesuffix(KWARG_FORM[1])
    call = node.value if isinstance(node, ast.Expr) else node
    return _new_keyword(source, call, statement.value.keywords[0], text)


def _new_parameter(
    source: Source, node: ast.AST, parameter: ast.arg, text: str
) -> list[NewArgument]:
    """Nothing if the definition has this very parameter."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        raise Refusal(Code.KIND, "`add_param` needs a function")
    default = _default_in(text)
    for kind, arg, there in parameters(node.args):
        if arg.arg != parameter.arg:
            continue
        if there is not None and default is not None and same(there, default):
            return []
        if there is None and default is None and kind not in ("vararg", "kwarg"):
            return []
        raise Refusal(
            Code.CONFLICT, f"`{node.name}` has a parameter `{arg.arg}` with another default"
        )
    keyword_only = bool(node.args.vararg or node.args.kwonlyargs)
    if default is None and node.args.defaults and not keyword_only:
        raise Refusal(Code.KIND, f"`{text}` has no default, but would follow parameters that do")
    start = source.offset(node.lineno, node.col_offset)
    brackets = _definition_brackets(source, start, source.start(node.body[0]))
    first_of_kwarg = None
    if node.args.kwarg is not None:
        name = source.start(node.args.kwarg)
        first_of_kwarg = source.data.rindex(b"**", 0, name)
    return [NewArgument(_site(source, brackets, first_of_kwarg), text)]


def _new_keyword(
    source: Source, node: ast.AST, keyword: ast.keyword, text: str
) -> list[NewArgument]:
    """Nothing if the call has this very keyword."""
    if not isinstance(node, ast.Call):
        raise Refusal(Code.KIND, "`add_kwarg` needs a call")
    for there in node.keywords:
        if there.arg == keyword.arg:
            if same(there.value, keyword.value):
                return []
            raise Refusal(
                Code.CONFLICT,
                f"the call has `{there.arg}={ast.unparse(there.value)}`, not `{text}`",
            )
    if any(isinstance(parent, ast.JoinedStr) for parent in source.ancestors(node)):
        raise Refusal(Code.LAYOUT, "the call is inside an f-string")
    if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
        generator = node.args[0]
        if source.end(generator) == source.end(node):
            raise Refusal(
                Code.LAYOUT, "the only argument is a bare generator, which must stay alone"
            )
    brackets = _call_brackets(source, node)
    unpacked = next((k for k in node.keywords if k.arg is None), None)
    before = source.start(unpacked) if unpacked else None
    return [NewArgument(_site(source, brackets, before), text)]


def _default_in(text: str) -> ast.expr | None:
    (function,) = ast.parse(f"def f({text}): pass").body
    assert isinstance(function, ast.FunctionDef)
    (parameter,) = parameters(function.args)
    return parameter[2]


def _site(source: Source, brackets: _Brackets, before: int | None) -> ArgumentSite:
    """`before`: where a `**kw` begins, which must stay last."""
    if before is not None:
        separator = ", "
        if _starts_line(source, before):
            separator = "," + _line_break(source, before)
        return ArgumentSite(before, "", separator, separator)
    if brackets.last_end is None:
        return ArgumentSite(brackets.closing, "", ", ", "")
    first, closing_line = _first_on_last_line(source, brackets), source.line_at(brackets.closing)
    last_line = source.line_at(brackets.last_end - 1)
    if first is not None and closing_line > last_line:
        # one per line: a new line after the last item's comment, with or without a comma
        line_break = _line_break(source, first)
        end = source.line_start(last_line) + len(source.line(last_line).rstrip(b"\r\n"))
        if brackets.comma is not None:
            return ArgumentSite(max(end, brackets.comma), line_break, "," + line_break, ",")
        own = brackets.last_end if end > brackets.last_end else 0
        return ArgumentSite(end, line_break if own else "," + line_break, "," + line_break, "", own)
    return ArgumentSite(brackets.last_end, ", ", ", ", "")


def _first_on_last_line(source: Source, brackets: _Brackets) -> int | None:
    """Where the last argument begins, if each has a line of its own."""
    assert brackets.last_end is not None
    starts = [start for start in _item_starts(source, brackets) if start < brackets.last_end]
    return starts[-1] if starts and _starts_line(source, starts[-1]) else None


def _item_starts(source: Source, brackets: _Brackets) -> Iterator[int]:
    depth, expecting = 0, True
    for kind, text, start, _ in _tokens(source.data, brackets.opening + 1, brackets.closing):
        if kind in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE):
            continue
        if expecting:
            yield start
            expecting = False
        if text in ("(", "[", "{"):
            depth += 1
        elif text in (")", "]", "}"):
            depth -= 1
        elif text == "," and depth == 0:
            expecting = True


def _starts_line(source: Source, offset: int) -> bool:
    line = source.line_at(offset)
    return not source.data[source.line_start(line) : offset].strip(b" \t")


def _line_break(source: Source, offset: int) -> str:
    """A line break and the indentation of the line that begins with this offset."""
    line = source.line_at(offset)
    return line_end_of(source, line) + source.data[source.line_start(line) : offset].decode()


def _call_brackets(source: Source, call: ast.Call) -> _Brackets:
    tokens = list(_tokens(source.data, source.start(call), source.end(call)))
    return _brackets(tokens, len(tokens) - 1)


def _definition_brackets(source: Source, start: int, end: int) -> _Brackets:
    tokens = list(_tokens(source.data, start, end))
    depth = 0
    opened = next(i for i, token in enumerate(tokens) if token[1] == "(")
    for index in range(opened, len(tokens)):
        if tokens[index][1] in ("(", "[", "{"):
            depth += 1
        elif tokens[index][1] in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return _brackets(tokens[: index + 1], index)
    raise Refusal(Code.LAYOUT, "the parameter list was not found")


_Token = tuple[int, str, int, int]


def _brackets(tokens: Sequence[_Token], closing: int) -> _Brackets:
    depth, opening = 0, closing
    for index in range(closing, -1, -1):
        if tokens[index][1] in (")", "]", "}"):
            depth += 1
        elif tokens[index][1] in ("(", "[", "{"):
            depth -= 1
            if depth == 0:
                opening = index
                break
    meaning = [
        token
        for token in tokens[opening + 1 : closing]
        if token[0] not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE)
    ]
    comma = meaning[-1][3] if meaning and meaning[-1][1] == "," else None
    if comma is not None:
        meaning = meaning[:-1]
    last_end = meaning[-1][3] if meaning else None
    return _Brackets(tokens[opening][2], tokens[closing][2], last_end, comma)


def _tokens(data: bytes, start: int, end: int) -> Iterator[_Token]:
    """The tokens of a piece of a file: type, text, and offsets in the file."""
    text = data[start:end].decode()
    # in parentheses, so that line ends and indentation mean nothing
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)", f"({text}\n")
    offsets, position = [], start - 1
    for line in lines:
        offsets.append(position)
        position += len(line.encode())
    try:
        for token in tokenize.generate_tokens(iter(lines).__next__):
            if token.type in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
                continue
            (row, column), (end_row, end_column) = token.start, token.end
            first = offsets[row - 1] + len(lines[row - 1][:column].encode())
            last = offsets[end_row - 1] + len(lines[end_row - 1][:end_column].encode())
            if start <= first < end:
                yield token.type, token.string, first, last
    except tokenize.TokenError:
        return  # the added parenthesis is never closed
