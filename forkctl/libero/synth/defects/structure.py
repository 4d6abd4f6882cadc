"""Files, datasets, attributes and names that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND
from forkctl.libero.synth.defects.registry import (
    DEFECTS,
    Defect,
    defect,
    demos_of,
    one_of,
    rewrite,
)


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _overwrite_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"<html>not found</html>".ljust(2048))


DEFECTS["truncated-file"] = Defect("truncated-file", "unreadable-file", _truncate)
DEFECTS["not-hdf5"] = Defect("not-hdf5", "unreadable-file", _overwrite_head)


@defect("no-demos", raw_only=True)
def _no_demos(data: h5py.Group) -> None:
    for name in list(data):
        del data[name]
    data.attrs["num_demos"] = data.attrs["total"] = 0


@defect("unexpected-member")
def _unexpected_member(data: h5py.Group) -> None:
    data.create_group("mask")


@defect("missing-actions", "missing-dataset")
def _missing_actions(data: h5py.Group) -> None:
    del one_of(data)["actions"]


@defect("missing-camera", "missing-dataset")
def _missing_camera(data: h5py.Group) -> None:
    del one_of(data)[f"obs/{EYE_IN_HAND}"]


@defect("damaged-chunk", "unreadable-dataset")
def _damaged_chunk(data: h5py.Group) -> None:
    """A compressed frame whose bytes are not what was compressed."""
    demo, name = one_of(data), f"obs/{AGENTVIEW}"
    frames = demo[name][...]
    del demo[name]
    dataset = demo.create_dataset(
        name, data=frames, chunks=(1, *frames.shape[1:]), compression="gzip"
    )
    dataset.id.write_direct_chunk((len(frames) // 2, 0, 0, 0), b"\0" * 100)


@defect("eight-dimensional-actions", "wrong-shape")
def _eight_dimensions(data: h5py.Group) -> None:
    demo = one_of(data)
    rewrite(demo, "actions", np.pad(demo["actions"][...], ((0, 0), (0, 1))))


@defect("channels-first", "wrong-shape")
def _channels_first(data: h5py.Group) -> None:
    demo = one_of(data)
    rewrite(demo, f"obs/{AGENTVIEW}", demo[f"obs/{AGENTVIEW}"][...].transpose(0, 3, 1, 2))


@defect("float-images", "wrong-dtype")
def _float_images(data: h5py.Group) -> None:
    demo = one_of(data)
    rewrite(demo, f"obs/{AGENTVIEW}", demo[f"obs/{AGENTVIEW}"][...].astype(np.float32) / 255)


@defect("integer-actions", "wrong-dtype")
def _integer_actions(data: h5py.Group) -> None:
    demo = one_of(data)
    rewrite(demo, "actions", np.round(demo["actions"][...]).astype(np.int64))


@defect("length-mismatch")
def _length_mismatch(data: h5py.Group) -> None:
    demo = one_of(data)
    rewrite(demo, "obs/ee_pos", demo["obs/ee_pos"][:-3])


@defect("missing-attrs", raw_only=True)
def _missing_attrs(data: h5py.Group) -> None:
    del data.attrs["env_args"]


@defect("missing-demo-attrs", "missing-attrs", raw_only=True)
def _missing_demo_attrs(data: h5py.Group) -> None:
    del one_of(data).attrs["init_state"]


@defect("attr-invalid", raw_only=True)
def _attr_invalid(data: h5py.Group) -> None:
    data.attrs["env_args"] = "{'type': 1}"


@defect("attr-mismatch", raw_only=True)
def _attr_mismatch(data: h5py.Group) -> None:
    one_of(data).attrs["num_samples"] += 1


@defect("image-convention-attr", raw_only=True)
def _image_convention(data: h5py.Group) -> None:
    data.attrs["macros_image_convention"] = "opencv"


@defect("demo-gap", raw_only=True)
def _demo_gap(data: h5py.Group) -> None:
    removed = one_of(data)
    data.attrs["total"] -= len(removed["actions"])
    data.attrs["num_demos"] -= 1
    del data[removed.name]


@defect("language-mismatch", raw_only=True)
def _language_mismatch(data: h5py.Group) -> None:
    info = json.loads(data.attrs["problem_info"])
    info["language_instruction"] = "pour the coffee into the robot"
    data.attrs["problem_info"] = json.dumps(info)


@defect("duplicate-demo")
def _duplicate_demo(data: h5py.Group) -> None:
    first, *_, last = demos_of(data)
    if "total" in data.attrs:
        data.attrs["total"] += len(first["actions"]) - len(last["actions"])
    name = last.name
    del data[name]
    data.copy(first, name)
