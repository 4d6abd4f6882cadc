"""Messages over a pipe: a JSON header, then the bytes of the arrays that it names.

No pickle: the two ends run different versions of Python and numpy, and neither runs what the other
sends.
"""

from __future__ import annotations

import json
import struct
from typing import IO, Any

import numpy as np

_LENGTH = struct.Struct("<Q")
# A header is small; a larger number is stray output of a library in the pipe.
_LARGEST_HEADER = 1 << 26


class BrokenMessage(Exception):
    """The other end sent something that is not a message."""


def write_message(pipe: IO[bytes], message: dict[str, Any]) -> None:
    """`message` is JSON, with numpy arrays anywhere in it."""
    arrays: list[np.ndarray[Any, Any]] = []
    header = json.dumps({"body": _without_arrays(message, arrays)}).encode()
    pipe.write(_LENGTH.pack(len(header)) + header)
    for array in arrays:
        pipe.write(array.tobytes())
    pipe.flush()


def read_message(pipe: IO[bytes]) -> dict[str, Any] | None:
    """The next message, or None where the other end has closed the pipe between messages."""
    start = pipe.read(_LENGTH.size)
    if not start:
        return None
    if len(start) < _LENGTH.size:
        raise BrokenMessage("the pipe ended within a message")
    (length,) = _LENGTH.unpack(start)
    if length > _LARGEST_HEADER:
        raise BrokenMessage("stray bytes in the pipe")
    try:
        body = json.loads(_exactly(pipe, length))["body"]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenMessage("a header that is not JSON") from error
    message = _with_arrays(body, pipe)
    if not isinstance(message, dict):
        raise BrokenMessage("a message that is not an object")
    return message


def _without_arrays(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        arrays.append(array)
        return {"__array__": [array.dtype.str, list(array.shape)]}
    if isinstance(value, dict):
        return {str(key): _without_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _with_arrays(value: Any, pipe: IO[bytes]) -> Any:
    """In the order in which they were written: dicts keep theirs through JSON."""
    if isinstance(value, dict):
        if set(value) == {"__array__"}:
            kind, shape = value["__array__"]
            dtype = np.dtype(kind)
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            return np.frombuffer(bytearray(_exactly(pipe, size)), dtype=dtype).reshape(shape)
        return {key: _with_arrays(item, pipe) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item, pipe) for item in value]
    return value


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    content = pipe.read(length)
    if len(content) < length:
        raise BrokenMessage("the pipe ended within a message")
    return content
