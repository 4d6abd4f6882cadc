"""How much a YAML text stands for: a few lines of aliases can make gigabytes, and deep nesting ends
the process, because the parser in C calls itself."""

from __future__ import annotations

_MOST_VALUES = 1_000_000
_DEEPEST = 200


def fault_of_extent(text: str) -> str | None:
    """Why a text is not read, by its events alone; None if it is. Raises YAMLError."""
    longest = max(map(len, text.splitlines()), default=0)
    flat = text.count("[") + text.count("{") + longest < _DEEPEST  # a level takes one of these
    if flat and "&" not in text and len(text) < _MOST_VALUES:
        return None
    import yaml

    sizes: dict[str, int] = {}  # of what is anchored
    open_ones: list[tuple[str | None, int]] = []  # anchor, and how many values were before it
    total = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                return f"the alias *{event.anchor} stands for what it is in, or for nothing"
            total += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((event.anchor, total))
            total += 1
            sizes.pop(str(event.anchor), None)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_ones.pop()
            if anchor:
                sizes[anchor] = total - before
        if total > _MOST_VALUES:
            return f"it stands for more than {_MOST_VALUES} values"
        if len(open_ones) > _DEEPEST:
            return f"it is nested more than {_DEEPEST} deep"
    return None
