from __future__ import annotations

import dataclasses
import enum
import io
import pickle
import random
import sys
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from forkctl.checkpoints.arrays import NumbersOnly
from forkctl.checkpoints.contents import open_checkpoint
from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.summary import summarise
from forkctl.checkpoints.unpickling import check_plain, read_pickled_structure
from forkctl.errors import ForkctlError
from tests.checkpoints.torch_files import (
    Call,
    Tensor,
    pickled,
    write_archive,
    write_legacy_torch,
    write_torch,
)


@pytest.mark.parametrize("write", [write_torch, write_legacy_torch])
def test_tensors_are_read_as_shapes(tmp_path: Path, write: object) -> None:
    path = write(tmp_path / "a.pth", {"w": Tensor(2, 3), "step": 7, "names": ["x"]})  # type: ignore[operator]
    assert read_pickled_structure(path) == {
        "w": TensorFacts((2, 3), "float32"),
        "step": 7,
        "names": ["x"],
    }


@pytest.mark.parametrize(
    "name",
    ["os.system", "builtins.eval", "torch.load", "torch.hub.load", "numpy.load", "pty.spawn"],
)
@pytest.mark.parametrize("write", [write_torch, write_legacy_torch])
def test_a_file_that_wants_to_run_code_is_refused_by_name(
    tmp_path: Path, write: object, name: str
) -> None:
    mark = tmp_path / "ran"
    path = write(tmp_path / "bad.pth", {"w": Tensor(2), "x": Call(name, f"touch {mark}")})  # type: ignore[operator]
    with pytest.raises(ForkctlError, match=name) as refused:
        read_pickled_structure(path)
    assert str(path) in str(refused.value)
    assert not mark.exists()


def test_code_before_the_weights_does_not_run_either(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = write_torch(tmp_path / "bad.pth", [Call("os.system", f"touch {mark}"), Tensor(2)])
    with pytest.raises(ForkctlError):
        read_pickled_structure(path)
    assert not mark.exists()


def test_numpy_numbers_beside_the_weights_are_harmless(tmp_path: Path) -> None:
    path = write_torch(
        tmp_path / "a.pth", {"w": Tensor(4), "best": Call("numpy.core.multiarray.scalar", "f8")}
    )
    assert read_pickled_structure(path)["w"] == TensorFacts((4,), "float32")


@pytest.mark.parametrize("state", [Counter({16: 1, 18: 2}), OrderedDict(a=1), {"a": [1.5, None]}])
def test_the_state_of_a_schedule_is_harmless(state: object, tmp_path: Path) -> None:
    """MultiStepLR, which robomimic saves beside the weights, counts its milestones."""
    content = pickle.dumps({"lr_schedulers": state}, protocol=2)
    path = write_archive(tmp_path / "a.pth", content)
    assert read_pickled_structure(path) == {"lr_schedulers": state}
    assert NumbersOnly(io.BytesIO(content)).load() == {"lr_schedulers": state}


class LossScaler:
    def __init__(self) -> None:
        self.cur_scale, self.dynamic = 1.0, False


class ZeroStageEnum(enum.IntEnum):
    gradients = 2


@dataclasses.dataclass
class fragment_address:  # DeepSpeed's name
    numel: int
    start: int


class AttributeDict(dict[str, Any]):
    pass


MODULES = {
    "deepspeed.runtime.fp16.loss_scaler": LossScaler,
    "deepspeed.runtime.zero.config": ZeroStageEnum,
    "deepspeed.utils.tensor_fragment": fragment_address,
    "pytorch_lightning.utilities.parsing": AttributeDict,
}


def test_what_deepspeed_and_lightning_save_beside_the_weights_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the names of their classes; accelerate saves the states of random numbers, too."""
    for name, kind in MODULES.items():
        monkeypatch.setattr(kind, "__module__", name)
        for end in (*(i for i, letter in enumerate(name) if letter == "."), len(name)):
            monkeypatch.setitem(sys.modules, name[:end], ModuleType(name[:end]))
        setattr(sys.modules[name], kind.__name__, kind)
    content = {
        "loss_scaler": LossScaler(),
        "zero_stage": ZeroStageEnum.gradients,
        "param_slice_mappings": [OrderedDict(w=fragment_address(6, 0))],
        "sparse_tensor_module_names": {"embed.weight"},
        "none": frozenset(),
        "hyper_parameters": AttributeDict(lr=0.1),
        "dirpath": Path("/runs/a"),
        "random_state": random.Random(0).getstate(),
        "numpy_random_seed": np.random.RandomState(0).get_state(),
    }
    for protocol in (2, 4):
        raw = pickle.dumps(content, protocol)
        read = read_pickled_structure(write_archive(tmp_path / f"{protocol}.pt", raw))
        for each in (read, NumbersOnly(io.BytesIO(raw)).load()):
            assert each["sparse_tensor_module_names"] == {"embed.weight"}
            assert each["hyper_parameters"] == {"lr": 0.1}
            assert str(each["dirpath"]) == "/runs/a"
            assert each["random_state"] == content["random_state"]


def test_a_truncated_file_is_said_to_be_one(tmp_path: Path) -> None:
    path = write_torch(tmp_path / "a.pth", {"w": Tensor(2, 3)})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ForkctlError, match="not a complete torch file"):
        read_pickled_structure(path)


def test_damaged_pickles_never_escape_as_anything_else(tmp_path: Path) -> None:
    whole = pickled({"w": Tensor(2, 3), "config": "x" * 50})
    chance = random.Random(5)
    refused = 0
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(2, len(broken))] = chance.randrange(256)
        path = tmp_path / "broken.pth"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", bytes(broken))
        try:
            read_pickled_structure(path)  # a changed letter of the text may well read
        except ForkctlError:
            refused += 1
    assert refused > 100


O_ARRAY = pickle.dumps(np.array([None]), protocol=2)
# numpy.ndarray((1,), dtype("O"), address): an object wherever the file says
RAW_POINTER = (
    b"\x80\x02cnumpy\nndarray\n(K\x01\x85cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R"
    b"X\x08\x00\x00\x00AAAAAAAAtR."
)
IN_ITSELF = b"\x80\x02}q\x00(X\x01\x00\x00\x00ah\x00X\x01\x00\x00\x00bh\x00u."
# memo number 2**31 and a bytearray of 2**40: gigabytes for a few bytes
HIGH_MEMO = b"\x80\x02}r\xff\xff\xff\x7f."
LONG_BYTES = b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b"."
CHANGED_FUNCTION = b"\x80\x02cnumpy.core.multiarray\nscalar\n}b."


@pytest.mark.parametrize("content", [O_ARRAY, RAW_POINTER, LONG_BYTES, CHANGED_FUNCTION])
def test_what_would_crash_or_fill_the_memory_of_its_reader_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(ForkctlError, match="not a complete torch file"):
        read_pickled_structure(write_archive(tmp_path / "a.pth", content))
    with pytest.raises((ValueError, TypeError, LookupError, pickle.UnpicklingError)):
        NumbersOnly(io.BytesIO(content)).load()


def test_a_high_number_of_an_object_costs_nothing(tmp_path: Path) -> None:
    assert read_pickled_structure(write_archive(tmp_path / "a.pth", HIGH_MEMO)) == {}


@pytest.mark.parametrize(
    "value",
    [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3))[:, :2], np.float64(3.5)],
    ids=["array", "fortran", "number"],
)
def test_numpys_numbers_come_back_as_they_were(value: object) -> None:
    made = NumbersOnly(io.BytesIO(pickle.dumps({"x": value}, protocol=2))).load()["x"]
    assert type(made) is type(value)
    assert np.array_equal(made, value)


def zipped(path: Path, names: list[str], before: bytes = b"", **how: int) -> Path:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **how) as archive:  # type: ignore[arg-type]
        for name in names:
            archive.writestr(name, pickled({"w": 1}))
    path.write_bytes(before + stream.getvalue())
    return path


@pytest.mark.parametrize(
    ("names", "before", "how"),
    [
        (["a/data.pkl", "a/DATA.pkl"], b"", {}),  # torch does not tell them apart
        (["b/version", "a/data.pkl"], b"", {}),  # torch looks in the first entry's folder
        (["a/data.pkl", "a/constants.pkl"], b"", {}),  # torch would run it as TorchScript
        (["a/data.pkl"], pickled([Call("os.system", "x")]), {}),  # two files in one
        (["a/data.pkl"], b"PK\x03\x04", {}),
        (["a/data.pkl"], b"", {"compression": zipfile.ZIP_DEFLATED}),
    ],
)
def test_an_archive_that_torch_would_read_otherwise_is_refused(
    tmp_path: Path, names: list[str], before: bytes, how: dict[str, int]
) -> None:
    read_pickled_structure(zipped(tmp_path / "good.pth", ["a/data.pkl"]))
    with pytest.raises(ForkctlError):
        read_pickled_structure(zipped(tmp_path / "bad.pth", names, before, **how))


def test_tensors_without_their_numbers_are_missed(tmp_path: Path) -> None:
    content = pickled({"w": Tensor(100)})
    assert read_pickled_structure(write_archive(tmp_path / "a.pth", content, 100))
    with pytest.raises(ForkctlError, match="not all there"):
        read_pickled_structure(write_archive(tmp_path / "b.pth", content, 99))


def test_a_folder_is_refused_for_any_file_that_something_might_load(tmp_path: Path) -> None:
    write_torch(tmp_path / "optimizer.bin", {"w": Tensor(2)})
    (tmp_path / "tokenizer.json").write_text("{}")
    write_torch(tmp_path / "training_args.bin", Call("transformers.TrainingArguments"))
    check_plain(tmp_path)
    (tmp_path / "adapter").mkdir()
    write_torch(tmp_path / "adapter/adapter_model.bin", Call("os.system", "true"))
    with pytest.raises(ForkctlError, match=r"os\.system"):
        check_plain(tmp_path)


STRANGE = [
    {"model": {}, "algo_name": "bc", "config": "[1]"},
    {"model": [1], "algo_name": "bc"},
    {"model": {}, "algo_name": "bc", "config": "[" * 100_000},
    {"model": {}, "algo_name": "bc", "shape_metadata": {"ac_dim": [1]}},
    {"model": {}, "algo_name": "bc", "config": '{"observation": {"modalities": {"obs": [1]}}}'},
]


@pytest.mark.parametrize("content", STRANGE)
def test_a_file_that_says_strange_things_of_itself_is_refused(
    tmp_path: Path, content: object
) -> None:
    with pytest.raises(ForkctlError):
        summarise(open_checkpoint(write_torch(tmp_path / "a.pth", content)))


def test_dictionaries_in_themselves_come_to_an_end(tmp_path: Path) -> None:
    with pytest.raises(ForkctlError, match="without an end"):
        open_checkpoint(write_archive(tmp_path / "a.pth", IN_ITSELF))
