from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest

from forkctl.checkpoints.facts import TensorFacts
from forkctl.checkpoints.unpickling import read_pickled_structure
from forkctl.errors import ForkctlError
from tests.checkpoints.torch_files import Call, Tensor, pickled, write_legacy_torch, write_torch


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
