from __future__ import annotations

import multiprocessing
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from forkctl.libero.errors import DataFileError
from forkctl.libero.files.reader import Demo, DemoFile, open_demo_file
from tests.libero.handmade import TASK, make_demo, write_demos, write_file


def digest(demo: Demo) -> int:
    total = sum(int(demo.frame("eye_in_hand_rgb", t).sum()) for t in range(demo.length))
    return total + int(1e6 * demo.actions().sum())


def test_demos_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = write_file(tmp_path / f"{TASK}_demo.hdf5", numbers=(10, 2, 0))
    file = open_demo_file(path)
    assert [demo.name for demo in file] == ["demo_0", "demo_2", "demo_10"]
    assert [demo.length for demo in file] == [20, 22, 30]
    assert len(file) == 3
    assert (file.task, file.language) == (TASK, TASK.replace("_", " "))
    with pytest.raises(DataFileError, match="demo_1"):
        file["demo_1"]


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"userblock": 512}])
def test_every_storage_gives_the_values_that_were_written(
    tmp_path: Path, options: dict[str, object]
) -> None:
    path = write_file(tmp_path / "a_demo.hdf5", numbers=(3,), **options)
    expected = make_demo(3, 23, raw=True)
    demo = open_demo_file(path)["demo_3"]
    assert set(demo.obs_keys) == {key[4:] for key in expected if key.startswith("obs/")}
    for key, values in expected.items():
        read = demo.array(key)
        np.testing.assert_array_equal(read, values)
        assert read.dtype == values.dtype
        assert not read.flags.writeable
    for camera in ("agentview_rgb", "eye_in_hand_rgb"):
        np.testing.assert_array_equal(demo.frame(camera, 5), expected[f"obs/{camera}"][5])
        np.testing.assert_array_equal(demo.frames(camera, 4, 9), expected[f"obs/{camera}"][4:9])


def test_contiguous_frames_are_views_of_a_map_and_compressed_ones_are_not(tmp_path: Path) -> None:
    plain = open_demo_file(write_file(tmp_path / "plain_demo.hdf5"))
    packed = open_demo_file(write_file(tmp_path / "gzip_demo.hdf5", compression="gzip"))
    assert plain.extent("demo_0/obs/agentview_rgb").offset is not None
    assert packed.extent("demo_0/obs/agentview_rgb").offset is None
    first, second = (plain["demo_0"].obs("agentview_rgb") for _ in range(2))
    assert np.shares_memory(first, second)


def test_a_file_of_links_reads_the_linked_files(tmp_path: Path) -> None:
    """What `forkctl data merge` writes; the map must be of the file that holds the bytes."""
    sources = [write_file(tmp_path / f"task{i}_demo.hdf5", numbers=(i,)) for i in range(2)]
    merged = tmp_path / "merged" / "all_demo.hdf5"
    merged.parent.mkdir()
    with h5py.File(merged, "w") as file:
        for i, source in enumerate(sources):
            file[f"data/demo_{i}"] = h5py.ExternalLink(f"../{source.name}", f"data/demo_{i}")
    for i, demo in enumerate(open_demo_file(merged)):
        np.testing.assert_array_equal(
            demo.obs("agentview_rgb"), make_demo(i, 20 + i, raw=True)["obs/agentview_rgb"]
        )
    sources[1].unlink()
    with pytest.raises(DataFileError, match="demo_1"):
        open_demo_file(merged)["demo_1"].actions()


def test_attributes_and_their_absence(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    assert open_demo_file(path).attrs == {}
    with h5py.File(path, "a") as file:
        file["data"].attrs["tag"] = "libero-v1"
        file["data/demo_0"].attrs["num_samples"] = 20
    file = open_demo_file(path)
    assert file.attrs == {"tag": "libero-v1"}
    assert file["demo_0"].attrs == {"num_samples": 20}


def test_a_name_in_the_hub_cache_is_a_link_and_still_tells_the_task(tmp_path: Path) -> None:
    blob = write_file(tmp_path / "blobs" / "0123abcd")
    link = tmp_path / f"{TASK}_demo.hdf5"
    link.symlink_to(blob)
    assert open_demo_file(link).task == TASK


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_file_goes_on_in_worker_processes(
    tmp_path: Path, compression: str | None, method: str
) -> None:
    """As a DataLoader does it: opened and read in the parent, then used in children and parent."""
    file = open_demo_file(write_file(tmp_path / "a_demo.hdf5", compression=compression))
    demos = list(file)
    expected = [digest(demo) for demo in demos]
    with multiprocessing.get_context(method).Pool(2) as pool:
        for _ in range(3):
            assert pool.map(digest, demos * 4) == expected * 4
            assert [digest(demo) for demo in demos] == expected


def test_a_forked_child_opens_a_handle_of_its_own(tmp_path: Path) -> None:
    file = open_demo_file(write_file(tmp_path / "a_demo.hdf5", compression="gzip"))
    expected = digest(file["demo_0"])
    child = os.fork()
    if child == 0:
        inherited = file._handles._file
        right = digest(file["demo_0"]) == expected and file._handles._file is not inherited
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert digest(file["demo_0"]) == expected


def test_pickling_leaves_handles_behind(tmp_path: Path) -> None:
    demo = open_demo_file(write_file(tmp_path / "a_demo.hdf5"))["demo_1"]
    expected = digest(demo)
    copy = pickle.loads(pickle.dumps(demo))
    assert not copy.file._handles.is_open
    assert digest(copy) == expected


def test_arrays_outlive_the_file(tmp_path: Path) -> None:
    with open_demo_file(write_file(tmp_path / "a_demo.hdf5")) as file:
        frames = file["demo_0"].obs("agentview_rgb")
    np.testing.assert_array_equal(frames, make_demo(0, 20, raw=True)["obs/agentview_rgb"])
    assert file["demo_0"].length == 20


def test_errors_name_the_file_and_the_dataset(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    demo = open_demo_file(path)["demo_0"]
    with pytest.raises(DataFileError) as caught:
        demo.obs("ee_speed")
    assert caught.value.where == f"{path}:data/demo_0/obs/ee_speed"
    with pytest.raises(DataFileError):
        demo.array("obs")


def test_a_file_that_is_cut_off_or_no_hdf5_or_has_no_data(tmp_path: Path) -> None:
    whole = write_file(tmp_path / "a_demo.hdf5")
    cut = tmp_path / "cut_demo.hdf5"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    text = tmp_path / "text_demo.hdf5"
    text.write_text("version https://git-lfs.github.com/spec/v1\n")
    empty = tmp_path / "empty_demo.hdf5"
    h5py.File(empty, "w").close()
    for path in (cut, text, empty, tmp_path / "absent_demo.hdf5"):
        with pytest.raises(DataFileError) as caught:
            len(open_demo_file(path))
        assert str(path) in str(caught.value)


def test_a_map_that_ends_too_early_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a_demo.hdf5")
    file = open_demo_file(path)
    extent = file.extent("demo_1/obs/eye_in_hand_rgb")
    assert extent.offset is not None
    with path.open("r+b") as raw:
        raw.truncate(extent.offset + 10)
    with pytest.raises(DataFileError, match="ends within"):
        file["demo_1"].obs("eye_in_hand_rgb")


def test_scalar_datasets_are_refused(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "a_demo.hdf5", [("demo_0", {"actions": np.float64(1)})])  # type: ignore[dict-item]
    demo = DemoFile(path)["demo_0"]
    for read in (demo.actions, lambda: demo.length):
        with pytest.raises(DataFileError, match="not a series"):
            read()


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_numbers_are_not_taken_from_any_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 80)
    path = write_file(tmp_path / "a_demo.hdf5")
    with h5py.File(path, "r+") as file:
        del file["data/demo_0/states"]
        outside = [(str(tmp_path / "secret"), 0, 80)]
        file.create_dataset("data/demo_0/states", (10, 1), "f8", external=outside)
    with pytest.raises(DataFileError, match="could be any"):
        open_demo_file(path)["demo_0"].states()


def test_a_link_to_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, pipe: Path) -> None:
    between = tmp_path / "between.hdf5"
    with h5py.File(between, "w") as file:
        file["demo"] = h5py.ExternalLink("pipe", "demo")
    direct, indirect = tmp_path / "direct_demo.hdf5", tmp_path / "indirect_demo.hdf5"
    for path, target in ((direct, "pipe"), (indirect, "between.hdf5")):
        with h5py.File(path, "w") as file:
            file["data/demo_0"] = h5py.ExternalLink(target, "demo")
    for path in (direct, indirect, pipe):
        with pytest.raises(DataFileError, match="which is not a file"):
            open_demo_file(path).group("")


def test_a_virtual_dataset_of_a_pipe_is_refused(tmp_path: Path, pipe: Path) -> None:
    path = tmp_path / "a_demo.hdf5"
    layout = h5py.VirtualLayout((10, 7), "f8")
    layout[:] = h5py.VirtualSource(str(pipe), "x", (10, 7), "f8")
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data/demo_0/actions", layout)
    with pytest.raises(DataFileError, match="which is not a file"):
        open_demo_file(path)["demo_0"].actions()


def test_a_dataset_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a_demo.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data/demo_0/actions", (2**40, 7), "f8", chunks=(1000, 7))
    with pytest.raises(DataFileError, match="not packed into"):
        open_demo_file(path)["demo_0"].actions()
