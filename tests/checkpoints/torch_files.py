"""Write torch's file format by hand, so that these tests need no torch and can write bad files."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]


class Tensor:
    """Stands in a structure for a float tensor of a shape."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape


class Call:
    """Stands in a structure for a call that the file asks its reader to make."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.name = name
        self.arguments = arguments


def write_torch(path: Path, content: Any) -> Path:
    """The zip form that torch.save writes since 1.6; the numbers are zeros, and all tensors'."""
    return write_archive(path, pickled(content), _most_numbers(content))


def write_archive(path: Path, pickle: bytes, numbers: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/data/0", bytes(4 * numbers))
        archive.writestr("archive/version", "3\n")
    return path


def _most_numbers(content: Any) -> int:
    if isinstance(content, Tensor):
        return _count(content.shape)
    held = content.values() if isinstance(content, dict) else content
    held = held if not isinstance(content, (str, bytes)) and hasattr(held, "__iter__") else ()
    return max(map(_most_numbers, held), default=0)


def write_legacy_torch(path: Path, content: Any) -> Path:
    stream = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(part, stream, protocol=2)
    stream.write(pickled(content))
    path.write_bytes(stream.getvalue())
    return path


def write_safetensors(path: Path, shapes: Shapes) -> Path:
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * _count(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(at))
    return path


def robomimic_content(nets: Shapes, config: Any, **more: Any) -> dict[str, Any]:
    tensors = {name: Tensor(*shape) for name, shape in nets.items()}
    return {
        "model": {"nets": tensors, "ema": tensors},
        "config": json.dumps(config),
        "algo_name": "diffusion_policy",
        **more,
    }


def pickled(content: Any) -> bytes:
    return b"\x80\x02" + _value(content) + b"."


def _value(value: Any) -> bytes:
    if isinstance(value, Tensor):
        return _tensor(value.shape)
    if isinstance(value, Call):
        module, _, name = value.name.rpartition(".")
        arguments = b"".join(_value(each) for each in value.arguments)
        return f"c{module}\n{name}\n".encode() + b"(" + arguments + b"tR"
    if isinstance(value, dict):
        return b"}(" + b"".join(_value(k) + _value(v) for k, v in value.items()) + b"u"
    if isinstance(value, (list, tuple)):
        items = b"".join(_value(each) for each in value)
        return b"](" + items + b"e" if isinstance(value, list) else b"(" + items + b"t"
    if isinstance(value, bool) or value is None:
        return {True: b"\x88", False: b"\x89", None: b"N"}[value]
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    raw = str(value).encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _tensor(shape: tuple[int, ...]) -> bytes:
    storage = (
        b"(" + _value("storage") + b"ctorch\nFloatStorage\n" + _value("0") + _value("cpu")
    ) + (_value(_count(shape)) + b"tQ")
    strides = tuple(_count(shape[i + 1 :]) for i in range(len(shape)))
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = storage + _value(0) + _value(shape) + _value(strides) + b"\x89" + hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
