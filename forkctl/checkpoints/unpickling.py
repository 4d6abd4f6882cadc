"""Read the structure of a torch file without torch, without its numbers, and without its code.

A pickle may name any function and have it called. This reader knows the few names that plain
tensors, containers and numpy numbers need, replaces them with harmless stand-ins, and refuses every
other one. So inspecting an untrusted file is safe, and takes milliseconds for gigabytes.

What it takes, torch must read as the same thing: an archive that two readers could understand in
two ways is refused, and so is one that is smaller than it says.
"""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from forkctl.checkpoints.facts import TensorFacts
from forkctl.errors import ForkctlError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_ZIP_MAGIC = b"PK\x03\x04"  # torch looks at these bytes alone
LONGEST_PICKLE = 32 * 2**20  # of thousands of tensors it is less than one
_TORCH_FILES = (".bin", ".ckpt", ".pkl", ".pt", ".pth")
_NEVER_LOADED = "training_args.bin"  # transformers leaves one beside weights; it holds no tensors

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


_BYTES = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "bool": 1, "int8": 1, "uint8": 1}


class _Storage:
    """Stands for a block of numbers that is not read."""

    def __init__(self, dtype: str, numbers: int) -> None:
        self.dtype = dtype
        self.numbers = numbers


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_rest: Any) -> TensorFacts:
    return _within(storage, storage.dtype, storage.numbers, offset, size, stride)


def _typed_tensor(storage: Any, offset: int, size: Any, stride: Any, *rest: Any) -> TensorFacts:
    # _rebuild_tensor_v3 names its dtype separately, because its storage has none
    dtype = rest[2] if len(rest) > 2 and isinstance(rest[2], str) else "unknown"
    numbers = storage.numbers // _BYTES.get(dtype, 2)
    return _within(storage, dtype, numbers, offset, size, stride)


def _within(
    storage: Any, dtype: str, numbers: int, offset: int, size: Any, stride: Any
) -> TensorFacts:
    if not isinstance(storage, _Storage) or len(size) != len(stride):
        raise ValueError("a tensor without numbers")
    shape = tuple(int(n) for n in size)
    last = offset + sum(map(lambda n, step: (n - 1) * step, shape, stride))
    if min((offset, *shape, *stride)) < 0 or (0 not in shape and last >= numbers):
        raise ValueError(f"a tensor of shape {shape} in {numbers} numbers")
    return TensorFacts(shape, dtype)


def _parameter(data: Any, *_rest: Any) -> Any:
    return data


class _Opaque:
    """Stands for a numpy number, array or dtype: harmless, and of no interest here."""

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


class _Dtype(_Opaque):
    def __init__(self, code: Any, *_arguments: Any) -> None:
        check_dtype(code)


def check_dtype(code: Any) -> None:
    """Of numbers or text. An array of anything else is a row of addresses, which numpy believes."""
    if not isinstance(code, str) or not re.fullmatch(r"[<>=|]?[?biufcSU][0-9]{0,9}", code):
        raise ValueError(f"a numpy array of the type {code!r}, not of numbers")


_SAFE: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,  # the milestones of torch's MultiStepLR
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
    "numpy.dtype": _Dtype,
    "numpy.ndarray": "ndarray",  # only to be named: called, it would take any address
}
# DeepSpeed and Lightning keep sets, paths and their own kind of dictionary beside the weights.
for _builtins in ("builtins", "__builtin__"):  # Python 2's name is the one in most pickles
    _SAFE[f"{_builtins}.set"] = set
    _SAFE[f"{_builtins}.frozenset"] = frozenset
for _module in ("pathlib", "pathlib._local"):  # the second since Python 3.13
    _SAFE[f"{_module}.PosixPath"] = PurePosixPath
for _module in (
    "pytorch_lightning.utilities.parsing",
    "lightning_fabric.utilities.data",
    "lightning.fabric.utilities.data",
):
    _SAFE[f"{_module}.AttributeDict"] = dict
# DeepSpeed keeps these beside its optimizer: settings, and where a weight lies.
for _name in (
    "runtime.fp16.loss_scaler.LossScaler",
    "runtime.fp16.loss_scaler.DynamicLossScaler",
    "runtime.zero.config.ZeroStageEnum",
    "utils.tensor_fragment.fragment_address",
):
    _SAFE[f"deepspeed.{_name}"] = _Opaque
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and numpy 2 name it differently
    _SAFE[f"{_core}.multiarray.scalar"] = _Opaque
    _SAFE[f"{_core}.multiarray._reconstruct"] = _Opaque


def stand_in(module: str, name: str) -> Any:
    """What takes the place of a harmless name where the weights themselves are wanted, too."""
    made = _SAFE.get(f"{module}.{name}")
    plain = made in (set, frozenset, dict, PurePosixPath)
    return made if plain or module.startswith("deepspeed.") else None


def is_harmless(module: str, name: str) -> bool:
    """Whether plain weights may name this: it only makes tensors, containers or numbers."""
    if f"{module}.{name}" in _SAFE:
        return True
    if module in ("torch", "torch.storage") and name in _DTYPE_OF_STORAGE:
        return True
    return module == "torch" and name in _DTYPES


class CarefulUnpickler(pickle._Unpickler):
    """Python's own, written in Python: the one in C takes gigabytes for a few bytes that number an
    object too high. A file can give nothing attributes but what `build` takes."""

    def build(self, made: Any, state: Any) -> None:
        if isinstance(made, OrderedDict):
            if isinstance(state, Mapping) and "_metadata" in state:
                made._metadata = state["_metadata"]  # type: ignore[attr-defined]  # torch's
        elif isinstance(made, _Opaque):
            made.__setstate__(state)
        else:
            raise pickle.UnpicklingError(f"the file changes a {type(made).__name__}")

    def load_build(self) -> None:
        state = self.stack.pop()  # type: ignore[attr-defined]
        self.build(self.stack[-1], state)  # type: ignore[attr-defined]

    dispatch: ClassVar[dict[int, Any]] = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: load_build}
    del dispatch[pickle.BYTEARRAY8[0]]  # makes room for as many bytes as the file says


class _StructureUnpickler(CarefulUnpickler):
    def __init__(self, stream: io.BytesIO, path: Path, sizes: Mapping[str, int] | None) -> None:
        super().__init__(stream)
        self._path = path
        self._sizes = sizes  # bytes in the archive, by the key of a storage

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
        _kind, dtype, key, _place, numbers, *_view = pid
        dtype = dtype if isinstance(dtype, str) else "unknown"
        if self._sizes is not None and self._sizes.get(key, -1) < numbers * _BYTES.get(dtype, 2):
            raise ValueError(f"the {numbers} numbers of storage {key} are not all there")
        return _Storage(dtype, numbers)


def read_pickled_structure(path: Path) -> Any:
    """The object that `torch.save` wrote, with TensorFacts in place of its tensors."""
    with path.open("rb") as stream:
        zipped = stream.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    return _guarded(path, lambda: (_read_zipped if zipped else _read_legacy)(path))


def check_plain(path: Path) -> None:
    """Refuse weights that would run code: a file, or a folder that something loads files from."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.suffix in _TORCH_FILES and file.name != _NEVER_LOADED and file.is_file():
            read_pickled_structure(file)


def _read_zipped(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename.lower() for entry in entries]
        top = entries[0].filename.partition("/")[0]
        if (
            len(set(names)) < len(names)
            or any(entry.orig_filename != entry.filename for entry in entries)
            or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
            or min(entry.header_offset for entry in entries) != 0
        ):
            raise _not_torch(path, "torch packs its archives otherwise")
        if f"{top}/constants.pkl" in names:
            raise _not_torch(path, "it is a program in TorchScript, not weights")
        if archive.getinfo(f"{top}/data.pkl").file_size > LONGEST_PICKLE:
            raise _not_torch(path, "what it says about its tensors is too long")
        payload = archive.read(f"{top}/data.pkl")
    before = f"{top}/data/"
    sizes = {
        entry.filename[len(before) :]: entry.file_size
        for entry in entries
        if entry.filename.startswith(before)
    }
    return _StructureUnpickler(io.BytesIO(payload), path, sizes).load()


def _read_legacy(path: Path) -> Any:
    """The format of torch before 1.6: magic number, protocol, system, then the object."""
    with path.open("rb") as file:
        stream = io.BytesIO(file.read(LONGEST_PICKLE))
    if _StructureUnpickler(stream, path, None).load() != _LEGACY_MAGIC:
        raise _not_torch(path, "it does not start like one")
    for _ in range(2):
        _StructureUnpickler(stream, path, None).load()
    return _StructureUnpickler(stream, path, None).load()


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
