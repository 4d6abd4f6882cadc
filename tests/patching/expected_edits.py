"""What the shipped patches must come to, told a second time and without the engine.

Each function here is one edit as a person would make it with `ast` in hand: it finds the place by
plain loops and conditions, puts the patch's code there, and returns the tree that must come out; or
None where a version has no such place, or has two, so that any result at all would be wrong. Only
the inserted code is read from the patch file. All else of a result has to be the version's own.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Code = Callable[[str], str]  # id of an edit -> the code that its patch file gives
Expected = Callable[[ast.Module, Code], ast.Module | None]
Body = list[ast.stmt]

VERBS = ("insert_before", "insert_after", "prepend", "append", "replace", "wrap", "add_kwarg")


class NoTarget(Exception):
    """The version has no place for the edit, or more than one."""


@dataclass(frozen=True)
class ExpectedEdit:
    series: str
    patch: str
    path: str
    make: Callable[[ast.Module, Code], None]

    def code(self, patches: Path) -> Code:
        """The pieces of code of this patch for this file, by the ids of its edits."""
        patch: dict[str, Any] = yaml.safe_load((patches / self.series / self.patch).read_text())
        (file,) = (file for file in patch["files"] if file["file"] == self.path)
        pieces = {
            edit["id"]: next((edit[verb] for verb in VERBS if verb in edit), "")
            for edit in file["edits"]
        }
        return pieces.__getitem__

    def expected(self, before: bytes, code: Code) -> ast.Module | None:
        try:
            tree = ast.parse(before)
            self.make(tree, code)
        except (SyntaxError, NoTarget):
            return None
        return tree


# -- looking ----------------------------------------------------------------------------------


def only(found: Sequence[Any]) -> Any:
    if len(found) != 1:
        raise NoTarget
    return found[0]


def definition(tree: Any, *names: str) -> Any:
    for name in names:
        tree = only([node for node in tree.body if getattr(node, "name", None) == name])
    return tree


def bodies(node: ast.AST) -> Iterator[Body]:
    """Every list of statements below a node, nested definitions left out."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block
            for child in block:
                if not isinstance(child, ast.FunctionDef | ast.ClassDef):
                    yield from bodies(child)
    for handler in getattr(node, "handlers", []):
        yield from bodies(handler)


def spots(node: ast.AST, source: str) -> list[tuple[Body, int]]:
    """Where this very statement stands."""
    wanted = ast.dump(ast.parse(source).body[0])
    return [
        (body, index)
        for body in bodies(node)
        for index, statement in enumerate(body)
        if ast.dump(statement) == wanted
    ]


def calls(node: ast.AST, name: str) -> list[ast.Call]:
    return [
        each
        for each in ast.walk(node)
        if isinstance(each, ast.Call) and ast.unparse(each.func) == name
    ]


def statements_with(node: ast.AST, call: str) -> list[tuple[Body, int]]:
    """Where a statement is a call of this name and nothing else."""
    return [
        (body, index)
        for body in bodies(node)
        for index, statement in enumerate(body)
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) == call
    ]


def mentions(node: ast.AST, name: str) -> bool:
    return any(
        getattr(each, "id", None) == name or getattr(each, "attr", None) == name
        for each in ast.walk(node)
    )


def imported_from(tree: ast.Module, module: str, *names: str) -> int:
    return int(
        only(
            [
                index
                for index, node in enumerate(tree.body)
                if isinstance(node, ast.ImportFrom)
                and node.module == module
                and {alias.name for alias in node.names} == set(names)
            ]
        )
    )


# -- changing ---------------------------------------------------------------------------------


def parsed(source: str) -> Body:
    return ast.parse(source).body


def insert(body: Body, index: int, source: str) -> None:
    body[index:index] = parsed(source)


def prepend(function: Any, source: str) -> None:
    first = function.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    insert(function.body, int(has_docstring), source)


def guarded(source: str, statement: ast.stmt) -> Body:
    """The code with the statement in place of $MATCH."""
    tree = ast.parse(source.replace("$MATCH", "MATCH"))
    for body in bodies(tree):
        for index, each in enumerate(body):
            if isinstance(each, ast.Expr) and ast.unparse(each) == "MATCH":
                body[index] = statement
    return tree.body


def replace_expression(tree: ast.AST, old: ast.expr, new: str) -> None:
    """$MATCH in the new code stands for the old."""
    fresh = ast.parse(new.replace("$MATCH", "(MATCH)"), mode="eval").body
    kept = copy.deepcopy(old)

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return kept if node.id == "MATCH" else node

    fresh = Put().visit(fresh)

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return fresh if node is old else self.generic_visit(node)

    Swap().visit(tree)


# -- robomimic --------------------------------------------------------------------------------


def config_keys(tree: ast.Module, code: Code) -> None:
    base = definition(tree, "BaseConfig")
    definition(base, "experiment_config").body += parsed(code("experiment"))
    prepend(definition(base, "observation_config"), code("observation"))
    place = imported_from(tree, "robomimic.config.config", "Config")
    insert(tree.body, place + 1, code("import"))


def image_resize(tree: ast.Module, code: Code) -> None:
    definition(tree, "initialize_obs_utils_with_config").body += parsed(code("set"))
    processor = definition(tree, "ImageModality", "_default_obs_processor")
    returns = [
        (body, index)
        for body in bodies(processor)
        for index, node in enumerate(body)
        if isinstance(node, ast.Return) and node.value and calls(node.value, "process_frame")
    ]
    body, index = only(returns)
    insert(body, index, code("resize"))
    body, index = only(spots(tree, "import robomimic.utils.tensor_utils as TU"))
    insert(body, index + 1, code("import"))


def checkpoint_transfer(tree: ast.Module, code: Code) -> None:
    """The load of ckpt_path, never the one of --resume."""
    train = definition(tree, "train")
    loads = [
        (body, index)
        for branch in ast.walk(train)
        if isinstance(branch, ast.If) and mentions(branch.test, "ckpt_path")
        for body, index in statements_with(branch, "model.deserialize")
        if body is branch.body
    ]
    body, index = only(loads)
    reads = [
        place
        for place, node in enumerate(body)
        if isinstance(node, ast.Assign) and calls(node, "maybe_dict_from_checkpoint")
    ]
    body[index : index + 1] = parsed(code("load"))
    place = only(reads)
    body[place : place + 1] = parsed(code("read"))
    body, index = only(spots(tree, "import robomimic.utils.file_utils as FileUtils"))
    insert(body, index + 1, code("import"))


def exit_code(tree: ast.Module, code: Code) -> None:
    body, index = only(spots(definition(tree, "main"), "print(res_str)"))
    insert(body, index + 1, code("exit"))


def lazy_language_model(tree: ast.Module, code: Code) -> None:
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    (model,) = only([calls(node, MODEL) for node in assigned if calls(node, MODEL)])
    on_cpu = only(
        [
            call
            for node in assigned
            for call in ast.walk(node)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "eval"
            and call.func.value is model
        ]
    )
    (tokenizer,) = only([calls(node, TOKENIZER) for node in assigned if calls(node, TOKENIZER)])
    replace_expression(tree, on_cpu, code("model"))
    replace_expression(tree, tokenizer, code("tokenizer"))
    body, index = only(spots(tree, "import os"))
    insert(body, index + 1, code("import"))


MODEL = "CLIPTextModelWithProjection.from_pretrained"
TOKENIZER = "AutoTokenizer.from_pretrained"
