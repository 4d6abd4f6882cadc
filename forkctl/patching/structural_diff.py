"""What changed between two versions of a Python file, told by structure.

Lists of statements are aligned, and where two compound statements have the same header the bodies
are aligned in turn, so that a line added deep inside of a function is one insertion there and not
a replacement of the function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from forkctl.patching.scopes import MODULE

Block = Sequence[ast.stmt]


@dataclass(frozen=True)
class Change:
    """In one block: the statements `old[start:stop]` became the statements `new`."""

    scope: str
    around: tuple[ast.stmt, ...]  # the compound statements between scope and block, outermost first
    block: tuple[ast.stmt, ...]
    start: int
    stop: int
    new: tuple[ast.stmt, ...]
    new_block: tuple[ast.stmt, ...]
    new_start: int
    is_scope_body: bool


def changes(old: ast.Module, new: ast.Module) -> Iterator[Change]:
    yield from _changes(old.body, new.body, MODULE, ())


def _changes(old: Block, new: Block, scope: str, around: tuple[ast.stmt, ...]) -> Iterator[Change]:
    matcher = SequenceMatcher(None, [*map(ast.dump, old)], [*map(ast.dump, new)], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        yield from _run(old, new, (i1, i2), (j1, j2), scope, around)


def _run(
    old: Block,
    new: Block,
    span: tuple[int, int],
    new_span: tuple[int, int],
    scope: str,
    around: tuple[ast.stmt, ...],
) -> Iterator[Change]:
    """A run that differs: pair what has the same header, and look at what lies between pairs."""
    (i, stop), (j, new_stop) = span, new_span
    for at, new_at in _same_headers(old[i:stop], new[j:new_stop]):
        pair, new_pair = span[0] + at, new_span[0] + new_at
        yield from _plain(old, new, (i, pair), (j, new_pair), scope, around)
        yield from _inside(old[pair], new[new_pair], scope, around)
        i, j = pair + 1, new_pair + 1
    yield from _plain(old, new, (i, stop), (j, new_stop), scope, around)


def _plain(
    old: Block,
    new: Block,
    span: tuple[int, int],
    new_span: tuple[int, int],
    scope: str,
    around: tuple[ast.stmt, ...],
) -> Iterator[Change]:
    if span[0] == span[1] and new_span[0] == new_span[1]:
        return
    yield Change(
        scope=scope,
        around=around,
        block=tuple(old),
        start=span[0],
        stop=span[1],
        new=tuple(new[new_span[0] : new_span[1]]),
        new_block=tuple(new),
        new_start=new_span[0],
        is_scope_body=not around,
    )


def _inside(
    old: ast.stmt, new: ast.stmt, scope: str, around: tuple[ast.stmt, ...]
) -> Iterator[Change]:
    if isinstance(old, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope = old.name if scope == MODULE else f"{scope}.{old.name}"
        around = ()
    else:
        around = (*around, old)
    for name, block in blocks_of(old):
        yield from _changes(block, getattr(new, name), scope, around)


def blocks_of(statement: ast.stmt) -> Iterator[tuple[str, list[ast.stmt]]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield name, block


def _same_headers(old: Block, new: Block) -> list[tuple[int, int]]:
    left, right = [*map(header, old)], [*map(header, new)]
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    return [
        (a + k, b + k)
        for a, b, size in matcher.get_matching_blocks()
        for k in range(size)
        if left[a + k] and _same_blocks(old[a + k], new[b + k])
    ]


def _same_blocks(old: ast.stmt, new: ast.stmt) -> bool:
    return [name for name, _ in blocks_of(old)] == [name for name, _ in blocks_of(new)]


def header(statement: ast.stmt) -> str:
    """A compound statement without its bodies; empty for a simple one."""
    blocks = {name for name, _ in blocks_of(statement)}
    if not blocks:
        return ""
    fields = ((name, value) for name, value in ast.iter_fields(statement) if name not in blocks)
    return type(statement).__name__ + repr(
        [
            (name, [ast.dump(v) if isinstance(v, ast.AST) else v for v in value])
            if isinstance(value, list)
            else (name, ast.dump(value) if isinstance(value, ast.AST) else value)
            for name, value in fields
        ]
    )
