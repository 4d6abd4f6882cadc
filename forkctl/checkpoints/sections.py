"""Where a checkpoint keeps its tensors, and under which names.

A plan looks at shapes and a run at numbers; both ask here, so that they see the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# No model has more; dictionaries that hold themselves have.
_MOST_ENTRIES = 1_000_000
_LONGEST_NAME = 1000
# Keys under which common training code keeps the one state dict of a file.
WRAPPERS = ("state_dict", "model_state_dict", "model", "module")

IsTensor = Callable[[Any], bool]


def describes_itself(content: Any) -> bool:
    """Whether the file says what model it is of, beside its weights."""
    return isinstance(content, Mapping) and "algo_name" in content and "model" in content


def sections_of(content: Any, is_tensor: IsTensor) -> dict[str, dict[str, Any]]:
    """Section ("nets", and "ema" where there is one) -> name -> tensor; the rest is left out."""
    if not isinstance(content, Mapping):
        return {"nets": {}}
    if describes_itself(content):
        model = content["model"]
    else:
        held = (content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping))
        model = next(held, content)
    found = {"nets": flatten(model.get("nets", model), is_tensor)}
    if isinstance(model.get("ema"), Mapping):
        found["ema"] = flatten(model["ema"], is_tensor)
    return found


def flatten(tree: Mapping[str, Any], is_tensor: IsTensor) -> dict[str, Any]:
    """Tensors of nested dictionaries under dotted names; anything else in them is left out."""
    found: dict[str, Any] = {}
    open_ones = [("", iter(tree.items()))]
    for _ in range(_MOST_ENTRIES):
        prefix, entries = open_ones[-1]
        key, value = next(entries, (None, None))
        if key is None:
            open_ones.pop()
            if not open_ones:
                return found
            continue
        name = f"{prefix}{key}"
        if len(name) > _LONGEST_NAME:
            break
        if is_tensor(value):
            found[name] = value
        elif isinstance(value, Mapping):
            open_ones.append((f"{name}.", iter(value.items())))
    raise ValueError("dictionaries within dictionaries without an end")
