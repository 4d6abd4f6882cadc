"""One edit at one anchor: what the modules for the operations work on."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from forkctl.patching.engine import layout
from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.matcher import Env
from forkctl.patching.engine.scopes import statement_lists
from forkctl.patching.engine.selectors import Anchor
from forkctl.patching.engine.source import Source
from forkctl.patching.engine.template import Template, fill_statements
from forkctl.patching.model import Operation, Selector

Statements = Sequence[ast.AST]


@dataclass(frozen=True)
class Task:
    source: Source
    selector: Selector
    operation: Operation
    anchor: Anchor
    neighbours: Sequence[Statements] = ()  # what other edits insert into this file

    @property
    def code(self) -> Template:
        assert self.operation.code is not None, "the loader gives each verb its code"
        return self.operation.code

    def filled(self, place: layout.LineSpan, env: Env | None = None) -> str:
        """The code as lines at the indentation of that place."""
        return fill_statements(
            self.code,
            self.anchor.env if env is None else env,
            self.source,
            indent=place.indent,
            unit=self.source.unit,
            ending=layout.line_end_of(self.source, place.first_line),
        )

    def block_of(self, nodes: Statements) -> tuple[Statements, int]:
        """The list that holds these statements, and their index in it."""
        parent = self.source.parents[nodes[0]]
        for block in (*statement_lists(parent), getattr(parent, "handlers", [])):
            for index, node in enumerate(block):
                if node is nodes[0]:
                    return block, index
        raise AssertionError("a statement is in a list of its parent")

    def whole_statements(self) -> tuple[ast.AST, ...]:
        """The anchor as statements; an expression must be the whole of its statement."""
        if isinstance(self.anchor.nodes[0], ast.Module):
            raise Refusal(Code.KIND, "the module takes only `prepend` and `append`")
        if self.anchor.expression is None:
            return self.anchor.nodes
        parent = self.source.parents[self.anchor.expression]
        if not isinstance(parent, ast.Expr):
            raise Refusal(
                Code.KIND,
                "the expression is only a part of its statement: match the whole statement",
            )
        return (parent,)
