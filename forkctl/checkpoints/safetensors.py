"""Read the header of a .safetensors file: names, shapes, dtypes. It cannot contain code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from forkctl.checkpoints.facts import TensorFacts, looks_like_buffer
from forkctl.errors import ForkctlError

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # as the library that writes them has it
_DTYPES = {
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}


def read_safetensors_header(path: Path) -> tuple[dict[str, TensorFacts], dict[str, str]]:
    """The facts of every tensor, and the strings that the writer added."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or length > size - _LENGTH_BYTES:
            raise _broken(path, f"its header would be {length} bytes in a file of {size}")
        if length > _LONGEST_HEADER:
            raise _broken(path, f"its header has {length} bytes; {_LONGEST_HEADER} are the most")
        raw = stream.read(length)
    try:
        header = json.loads(raw)
        metadata = header.pop("__metadata__", {})
        tensors = {name: _facts(name, entry) for name, entry in header.items()}
        ends = [entry["data_offsets"][1] for entry in header.values()]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise _broken(path, f"its header does not parse ({error})") from error
    missing = max(ends, default=0) - (size - _LENGTH_BYTES - length)
    if missing > 0:
        raise _broken(path, f"its last {missing} bytes are missing")
    return tensors, metadata


def _facts(name: str, entry: dict[str, Any]) -> TensorFacts:
    dtype, width = _DTYPES.get(entry["dtype"], (str(entry["dtype"]).lower(), None))
    shape = tuple(int(n) for n in entry["shape"])
    facts = TensorFacts(shape, dtype, looks_like_buffer(name))
    start, end = entry["data_offsets"]
    if min((start, *shape)) < 0 or (width and facts.numel * width != end - start):
        raise ValueError(f"{name} has {end - start} bytes, which are not {shape} of {dtype}")
    return facts


def _broken(path: Path, reason: str) -> ForkctlError:
    return ForkctlError(
        f"this is not a complete .safetensors file: {reason}",
        where=str(path),
        hint="was the download complete? compare its size and sha256 with the source",
    )
