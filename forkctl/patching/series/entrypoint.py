"""Does an entrypoint still know the flags and keys that we start it with? Read, never run."""

from __future__ import annotations

import ast

from forkctl.forks.manifest import Entrypoint


def missing_words(entrypoint: Entrypoint, source: bytes | None) -> list[str]:
    """What the fork's entry names and the file does not have."""
    if source is None:
        return [f"the file {entrypoint.file}"]
    if not entrypoint.file.endswith(".py"):
        text = source.decode("utf-8", "replace")
        return [word for word in (*entrypoint.flags, *entrypoint.config_keys) if word not in text]
    words = _words(ast.parse(source))
    # `--name` is a string of an argument parser, or a field of a configuration class
    flags = [f for f in entrypoint.flags if f not in words and f.removeprefix("--") not in words]
    keys = [key for key in entrypoint.config_keys if key.rpartition(".")[2] not in words]
    return [*(f"the flag {flag}" for flag in flags), *(f"the key {key}" for key in keys)]


def _words(tree: ast.Module) -> set[str]:
    """Strings, attributes, keywords and declared fields: not plain names, comments or prose."""
    words: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            words.add(node.arg)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            words.add(node.target.id)
    return words
