"""Arrays and numbers of numpy, made again without numpy's own unpickling, which trusts the file."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from forkctl.checkpoints.unpickling import CarefulUnpickler, check_dtype, is_harmless, stand_in


class NumbersOnly(CarefulUnpickler):
    """Resolves the names that plain weights need, and gives what makes arrays checked arguments."""

    def find_class(self, module: str, name: str) -> Any:
        if not is_harmless(module, name):
            raise pickle.UnpicklingError(f"{module}.{name} is refused")
        if module.partition(".")[0] in ("numpy", "_codecs"):
            return _MADE_BY[name]
        if made := stand_in(module, name):
            return made
        return super().find_class(module, name)

    def build(self, made: Any, state: Any) -> None:
        if type(made) is np.ndarray:
            _version, shape, dtype, fortran, raw = state
            if not isinstance(dtype, np.dtype) or not isinstance(raw, bytes):
                raise pickle.UnpicklingError("an array without its numbers")
            made.__setstate__((1, shape, dtype, bool(fortran), raw))  # type: ignore[arg-type]
        elif isinstance(made, np.dtype):
            if state[1] == ">":
                raise pickle.UnpicklingError("numbers of another kind of machine")
        else:
            super().build(made, state)


def _dtype(code: Any, *_arguments: Any) -> Any:
    check_dtype(code)
    return np.dtype(code)


def _scalar(dtype: np.dtype[Any], raw: Any) -> Any:
    return np.frombuffer(raw, dtype)[0]


def _empty(*_arguments: Any) -> Any:
    return np.ndarray((0,), np.int8)  # its state follows


def _encoded(text: str, encoding: str) -> bytes:
    """How Python 2's form of a pickle writes bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in {encoding!r}")
    return text.encode("latin1")


_MADE_BY = {
    "dtype": _dtype,
    "ndarray": "ndarray",
    "scalar": _scalar,
    "_reconstruct": _empty,
    "encode": _encoded,
}
