"""Is a changed file still sound? It must compile, and use no undefined name that is new."""

from __future__ import annotations

import ast
import warnings

from forkctl.patching.engine.datafile import load_data
from forkctl.patching.engine.diagnosis import Code, EditDiagnosis, Refusal
from forkctl.patching.engine.source import OTHER_PYTHON

_DATA = (".json", ".yaml", ".yml")


def check_result(path: str, before: bytes | None, after: bytes) -> EditDiagnosis | None:
    """What is wrong with a changed file; None if nothing is."""
    if path.endswith(".py"):
        return _check_python(path, before, after)
    if path.lower().endswith(_DATA):
        try:
            load_data(path, after)
        except Refusal as refusal:
            if before is not None and not _reads(path, before):
                return None  # it could not be read before either
            return EditDiagnosis(Code.BROKEN_RESULT, refusal.message, file=path)
    return None


def _reads(path: str, data: bytes) -> bool:
    try:
        load_data(path, data)
    except Refusal:
        return False
    return True


def _check_python(path: str, before: bytes | None, after: bytes) -> EditDiagnosis | None:
    try:
        tree = _compiled(after)
    except (SyntaxError, ValueError) as error:
        if before is not None and not _compiles(before):
            return None  # it did not compile before either
        line = error.lineno if isinstance(error, SyntaxError) else None
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        return EditDiagnosis(
            Code.BROKEN_RESULT,
            f"the result does not compile: {reason}; {OTHER_PYTHON}",
            file=path,
            lines=(line,) if line else (),
        )
    missing = _undefined(tree)
    if not missing:
        return None
    if before is not None and _compiles(before):
        known = {name for name, _ in _undefined(_compiled(before))}
        missing = [(name, line) for name, line in missing if name not in known]
    if not missing:
        return None
    names = sorted({name for name, _ in missing})
    return EditDiagnosis(
        Code.BROKEN_RESULT,
        f"the result uses undefined names: {', '.join(names)}",
        file=path,
        lines=tuple(sorted({line for _, line in missing})),
    )


def _compiles(data: bytes) -> bool:
    try:
        _compiled(data)
    except (SyntaxError, ValueError):
        return False
    return True


def _compiled(data: bytes) -> ast.Module:
    """Compile, not only parse: only the compiler finds a `return` outside of a function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(data)
        compile(tree, "<result>", "exec", dont_inherit=True)
    return tree


def _undefined(tree: ast.Module) -> list[tuple[str, int]]:
    from pyflakes import checker, messages

    found = checker.Checker(tree, filename="<result>").messages
    return [
        (message.message_args[0], message.lineno)
        for message in found
        if isinstance(message, messages.UndefinedName | messages.UndefinedLocal)
    ]
