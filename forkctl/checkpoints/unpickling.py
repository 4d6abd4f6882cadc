"""Read the structure of a torch file without torch, without its numbers, and without its code.

A pickle may name any function and have it called. This reader knows the few names that plain
tensors, containers and numpy numbers need, replaces them with harmless stand-ins, and refuses every
other one. So inspecting an untrusted file is safe, and takes milliseconds for gigabytes.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from forkctl.checkpoints.facts import TensorFacts
from forkctl.errors import ForkctlError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

_DTYPE_OF_STORAGE = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "UntypedStorage": "uint8",
}
_DTYPES = frozenset(_DTYPE_OF_STORAGE.values())


class _Storage:
    """Stands for a block of numbers that is not read."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


def _tensor(storage: Any, _offset: int, size: tuple[int, ...], *_rest: Any) -> TensorFacts:
    dtype = storage.dtype if isinstance(storage, _Storage) else "unknown"
    return TensorFacts(tuple(int(n) for n in size), dtype)


def _typed_tensor(storage: Any, _offset: int, size: Any, _stride: Any, *rest: Any) -> TensorFacts:
    # _rebuild_tensor_v3 names its dtype separately, because its storage has none
    dtype = rest[2] if len(rest) > 2 and isinstance(rest[2], str) else "unknown"
    return TensorFacts(tuple(int(n) for n in size), dtype)


def _parameter(data: Any, *_rest: Any) -> Any:
    return data


class _Opaque:
    """Stands for a numpy number, array or dtype: harmless, and of no interest here."""

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


_SAFE: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.Size": tuple,
    "torch.device": _Opaque,
    "torch.serialization._get_layout": _Opaque,
    "_codecs.encode": _Opaque,
    "numpy.dtype": _Opaque,
    "numpy.ndarray": _Opaque,
}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and numpy 2 name it differently
    _SAFE[f"{_core}.multiarray.scalar"] = _Opaque
    _SAFE[f"{_core}.multiarray._reconstruct"] = _Opaque
    _SAFE[f"{_core}.numeric._frombuffer"] = _Opaque


def is_harmless(module: str, name: str) -> bool:
    """Whether plain weights may name this: it only makes tensors, containers or numbers."""
    if f"{module}.{name}" in _SAFE:
        return True
    if module in ("torch", "torch.storage") and name in _DTYPE_OF_STORAGE:
        return True
    return module == "torch" and name in _DTYPES


class _StructureUnpickler(pickle.Unpickler):
    def __init__(self, stream: IO[bytes], path: Path) -> None:
        super().__init__(stream)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if not is_harmless(module, name):
            raise self._refused(f"{module}.{name}")
        return _SAFE.get(f"{module}.{name}") or _DTYPE_OF_STORAGE.get(name, name)

    def _refused(self, name: str) -> ForkctlError:
        return ForkctlError(
            f"the file asks to run {name}, which plain weights never need",
            where=str(self._path),
            hint="do not load it; ask its author for the weights alone, preferably as .safetensors",
        )

    def persistent_load(self, pid: Any) -> _Storage:
        dtype = pid[1] if isinstance(pid, tuple) and len(pid) > 1 else None
        return _Storage(dtype if isinstance(dtype, str) else "unknown")


def read_pickled_structure(path: Path) -> Any:
    """The object that `torch.save` wrote, with TensorFacts in place of its tensors."""
    with path.open("rb") as stream:
        if not zipfile.is_zipfile(stream):
            stream.seek(0)
            return _guarded(path, lambda: _read_legacy(stream, path))
        with zipfile.ZipFile(stream) as archive:
            names = [n for n in archive.namelist() if n.endswith("data.pkl") and n.count("/") == 1]
            if len(names) != 1:
                raise _not_torch(path, "the archive has no data.pkl, or several")
            payload = archive.read(names[0])
    return _guarded(path, lambda: _StructureUnpickler(io.BytesIO(payload), path).load())


def _read_legacy(stream: IO[bytes], path: Path) -> Any:
    """The format of torch before 1.6: magic number, protocol, system, then the object."""
    if _StructureUnpickler(stream, path).load() != _LEGACY_MAGIC:
        raise _not_torch(path, "it does not start like one")
    for _ in range(2):
        _StructureUnpickler(stream, path).load()
    return _StructureUnpickler(stream, path).load()


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ForkctlError:
        raise
    except Exception as error:  # a damaged pickle can raise anything at all
        raise _not_torch(path, f"reading it stops with {type(error).__name__}: {error}") from error


def _not_torch(path: Path, reason: str) -> ForkctlError:
    return ForkctlError(
        f"this is not a complete torch file: {reason}",
        where=str(path),
        hint="was the download complete? compare its size and sha256 with the source",
    )
