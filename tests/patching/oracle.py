"""What an operation makes of a syntax tree, told without the engine: the place is a given node."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

Body = list[ast.stmt]

INSERTS = ("insert_before", "insert_after", "prepend", "append")
VERBS = (*INSERTS, "replace", "remove", "wrap", "add_kwarg")


def made(
    tree: ast.AST, target: Any, verb: str, code: str = "", holes: Mapping[str, str] | None = None
) -> None:
    """Change the tree. Holes are text; $MATCH stands for the target itself."""
    for hole, text in (holes or {}).items():
        code = code.replace(hole, text if hole.startswith("$$$") else f"({text})")
    code = code.replace("$MATCH", "__match__")
    if verb == "prepend":
        target.body[has_docstring(target) : has_docstring(target)] = parsed(code)
    elif verb == "append":
        target.body += parsed(code)
    elif verb == "add_kwarg":
        (call,) = parsed(f"f({code})")
        target.keywords += call.value.keywords
    elif isinstance(target, ast.expr):
        new = ast.parse(f"({code})", mode="eval").body
        Exchange(target, Exchange("__match__", target).visit(new)).visit(tree)
    else:
        body, index = home(tree, target)
        start, end = index + (verb == "insert_after"), index + (verb != "insert_before")
        body[start:end] = [around(each, target) for each in parsed(code)]
        if not body:
            body += parsed("pass")


def parsed(code: str) -> Body:
    return ast.parse(code).body


def has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, documented) and ast.get_docstring(node) is not None


def bodies(node: ast.AST, nested: bool = True) -> Iterator[Body]:
    """Every list of statements below a node; without those of nested definitions where told."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        block = getattr(node, name, None)
        if not isinstance(block, list):
            continue
        if name not in ("handlers", "cases"):
            yield block
        for child in block:
            if nested or not isinstance(child, ast.FunctionDef | ast.ClassDef):
                yield from bodies(child, nested)


def home(tree: ast.AST, statement: ast.stmt) -> tuple[Body, int]:
    """Where a statement stands now, whatever was put before it."""
    for body in bodies(tree):
        for index, each in enumerate(body):
            if each is statement:
                return body, index
    raise AssertionError(f"{ast.unparse(statement)} is not in the tree")


def around(new: ast.stmt, statement: ast.stmt) -> ast.stmt:
    """The statement where a new one holds its name and nothing else."""
    for body in bodies(new):
        for index, each in enumerate(body):
            if isinstance(each, ast.Expr) and ast.unparse(each) == "__match__":
                body[index] = statement
    return new


class Exchange(ast.NodeTransformer):
    """Another node in place of one, or of each use of a name."""

    def __init__(self, old: ast.AST | str, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old or (isinstance(node, ast.Name) and node.id == self.old):
            return self.new
        return self.generic_visit(node)
