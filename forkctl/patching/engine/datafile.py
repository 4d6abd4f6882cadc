"""`set` and `add`: values of JSON and YAML files, changed in the text at the marks of the parser.

A file is never serialised again, so its comments, order, quotes and layout stay as they are. After
the splice both texts are parsed: the new one must be the old one with that one value changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from forkctl.patching.engine.diagnosis import Code, Refusal
from forkctl.patching.engine.extent import fault_of_extent
from forkctl.patching.engine.splice import Splice, splice
from forkctl.patching.model import DataEdit, EditStatus


def edit_data(
    path: str, data: bytes, edit: DataEdit
) -> tuple[Sequence[Splice], tuple[int, ...], EditStatus]:
    """The change that sets or adds a value: changes, lines, status."""
    text = _decoded(data)
    is_json = path.lower().endswith(".json")
    before = load_data(path, data)
    root = _compose(text, is_json)
    parent, key = edit.path[:-1], edit.path[-1]
    owner = _descend(root, parent)
    node = _child(owner, key)
    line = (node or owner).start_mark.line + 1
    if node is not None and _same(_value_at(before, edit.path), edit.value):
        return (), (line,), EditStatus.ALREADY
    if node is not None and edit.adds:
        raise Refusal(
            Code.CONFLICT,
            f"`{dotted(edit.path)}` already has the value {_value_at(before, edit.path)!r}",
            lines=(line,),
        )
    if node is None and not edit.adds:
        raise Refusal(
            Code.NO_ANCHOR, f"there is no `{dotted(edit.path)}` to set{_near(owner, key)}"
        )
    if node is not None:
        start, end, new = _replacement(owner, node, edit.value, is_json)
    else:
        start, end, new = _addition(text, owner, key, edit.value, is_json)
    if "\r\n" in text:
        new = new.replace("\n", "\r\n")
    change = Splice(len(text[:start].encode()), len(text[:end].encode()), new.encode())
    _verify(path, data, before, edit, change)
    return (change,), (line,), EditStatus.APPLIED


def load_data(path: str, data: bytes) -> Any:
    """The parsed file, or a refusal with the code `parse`."""
    import yaml

    text = _decoded(data)
    try:
        if path.lower().endswith(".json"):
            return json.loads(text.removeprefix("\ufeff"))
        _require_readable(text)
        return yaml.safe_load(text)
    except RecursionError:
        raise Refusal(Code.PARSE, "the file is nested too deep") from None
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise Refusal(Code.PARSE, f"the file cannot be read: {reason}") from None


def dotted(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refusal(Code.PARSE, f"the file is not UTF-8 (byte {error.start})") from None


def _require_readable(text: str) -> None:
    if fault := fault_of_extent(text):
        raise Refusal(Code.PARSE, f"the file is not read: {fault}")


def _compose(text: str, is_json: bool) -> Any:
    import yaml

    if is_json:
        text = text.replace("\t", " ")  # YAML takes no tabs; the marks stay the same
    try:
        _require_readable(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise Refusal(Code.PARSE, f"the file cannot be read: {reason}") from None
    if root is None:
        raise Refusal(Code.PARSE, "the file is empty")
    return root


def _descend(node: Any, path: Sequence[str | int]) -> Any:
    for depth, key in enumerate(path):
        child = _child(node, key)
        if child is None:
            raise Refusal(
                Code.NO_ANCHOR, f"there is no `{dotted(path[: depth + 1])}`{_near(node, key)}"
            )
        node = child
    return node


def _child(node: Any, key: str | int) -> Any:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        if not isinstance(key, int) or not -len(node.value) <= key < len(node.value):
            return None
        before = node.value[key - 1] if key % len(node.value) else node
        _refuse_alias(node.value[key], before.start_mark.index, key)
        return node.value[key]
    if not isinstance(node, yaml.MappingNode):
        return None
    found = [(name, value) for name, value in node.value if name.value == str(key)]
    if len(found) > 1:
        raise Refusal(Code.AMBIGUOUS, f"the key `{key}` is there {len(found)} times")
    for name, value in found:
        _refuse_alias(value, name.end_mark.index, key)
        return value
    return None


def _refuse_alias(node: Any, at_least: int, key: str | int) -> None:
    """The node of an alias is the one it points to, further up in the file."""
    if node.start_mark.index < at_least:
        raise Refusal(
            Code.KIND, f"`{key}` is an alias: the change would be made where it points to"
        )


def _near(node: Any, key: str | int) -> str:
    import difflib

    import yaml

    if not isinstance(node, yaml.MappingNode):
        return ""
    names = [str(name.value) for name, _ in node.value]
    close = difflib.get_close_matches(str(key), names, n=3)
    return f"; similar keys: {', '.join(close)}" if close else ""


def _value_at(value: Any, path: Sequence[str | int]) -> Any:
    for key in path:
        value = value[_own_key(value, key)]
    return value


def _own_key(value: Any, key: str | int) -> Any:
    """A key as the file has it: `8080` may be a number there."""
    if isinstance(value, dict):
        return next((own for own in value if str(own) == str(key)), key)
    return key


def _same(left: object, right: object) -> bool:
    """Equal values of equal types: 1 is not true, and 1.0 is not 1."""
    return json.dumps(left, default=str) == json.dumps(right, default=str)


def _replacement(owner: Any, node: Any, value: object, is_json: bool) -> tuple[int, int, str]:
    start, end = node.start_mark.index, _end(node)
    text = _written(value, is_json)
    return start, end, f" {text}" if start == end else text  # `key:` with nothing after it


def _end(node: Any) -> int:
    """Where the text of a value ends: a block's own mark is past the comments, at the next key."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        if node.style in ("|", ">"):
            raise Refusal(Code.LAYOUT, "the value is a block scalar, which cannot be replaced")
        return int(node.end_mark.index)
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _addition(
    text: str, owner: Any, key: str | int, value: object, is_json: bool
) -> tuple[int, int, str]:
    import yaml

    if not isinstance(owner, yaml.MappingNode):
        raise Refusal(Code.KIND, "a value can only be added to a mapping")
    written = _written(value, is_json)
    name = json.dumps(str(key)) if is_json else _written(str(key), is_json)
    if not owner.value:
        inner = owner.start_mark.index + 1
        return inner, owner.end_mark.index - 1, f"{name}: {written}"
    last_key, last_value = owner.value[-1]
    end = _end(last_value)
    line_start = text.rfind("\n", 0, last_key.start_mark.index) + 1
    lead = text[line_start : last_key.start_mark.index]
    own_line = not lead.strip(" \t\ufeff")
    if owner.flow_style:
        quoted = is_json or text[last_key.start_mark.index] == '"'
        name = json.dumps(str(key)) if quoted else name
        return end, end, f",\n{lead}{name}: {written}" if own_line else f", {name}: {written}"
    # a block mapping: a new line, after the last value's line and its comment
    line_end = text.find("\n", end)
    indent = " " * last_key.start_mark.column
    if line_end < 0:
        return len(text), len(text), f"\n{indent}{name}: {written}"
    return line_end + 1, line_end + 1, f"{indent}{name}: {written}\n"


def _written(value: object, is_json: bool) -> str:
    import yaml

    if is_json or isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _verify(path: str, data: bytes, before: Any, edit: DataEdit, change: Splice) -> None:
    expected = _unshared(before)
    owner = _value_at(expected, edit.path[:-1])
    owner[_own_key(owner, edit.path[-1])] = edit.value
    try:
        result = load_data(path, splice(data, (change,)))
    except Refusal as refusal:
        raise Refusal(Code.BROKEN_RESULT, refusal.message) from None
    if not _same(_unshared(result), _unshared(expected)):
        raise Refusal(
            Code.BROKEN_RESULT, f"setting `{dotted(edit.path)}` would change other values too"
        )


def _unshared(value: Any) -> Any:
    """The same values in sorted order, with a copy for each alias."""
    return json.loads(json.dumps(_with_text_keys(value), sort_keys=True, default=str))


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value
