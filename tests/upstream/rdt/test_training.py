"""RDT's own main.py on LIBERO: trained, sampled, saved, resumed; and how it ends when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from forkctl.libero.schema import FileLayout
from forkctl.libero.synth import SynthOptions, write_suite
from tests.driver import Fork
from tests.upstream.rdt.runs import Ended, Run, new_run

pytestmark = pytest.mark.slow

# each representation in another way of running: the types, the workers, the processes
WAYS: dict[str, dict[str, Any]] = {
    "delta": {"flags": ["--dataloader_num_workers", "1"]},
    "velocity": {"flags": ["--mixed_precision", "bf16"], "joints": True, "words": True},
    "absolute": {"flags": ["--dataloader_num_workers", "1"], "processes": 2},
}
UNITS = {"delta": "delta_x_m", "velocity": "velocity_x_m_per_s", "absolute": "target_x_m"}


def embeddings(demos: Path, folder: Path, rdt: Fork) -> Path:
    folder.mkdir()
    tasks = [path.stem.removesuffix("_demo") for path in sorted(demos.glob("*.hdf5"))]
    script = "import torch, sys; [torch.save(torch.randn(5, 4096), name) for name in sys.argv[1:]]"
    rdt.says("-c", script, *(str(folder / f"{task}.pt") for task in tasks))
    return folder


@pytest.fixture(scope="module", params=WAYS)
def trained(
    request: pytest.FixtureRequest,
    rdt: Fork,
    tiny: Path,
    demos: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Run]:
    """Four steps, and then from the last checkpoint on to the sixth."""
    way = WAYS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    section = {"representation": request.param, "joints": way.get("joints", False)}
    words = list(way["flags"])
    if way.get("words"):
        section["embeddings"] = str(embeddings(demos, folder / "embeddings", rdt))
        words.append("--precomp_lang_embed")
    run = new_run(rdt, tiny, folder / "run", demos, **section)
    words += ["--checkpoints_total_limit", "1"]
    done = run.main("--max_train_steps", "4", *words, processes=way.get("processes", 1))
    assert done.code == 0, done.output[-4000:]
    done = run.main("--max_train_steps", "6", "--resume_from_checkpoint", "latest", *words)
    assert done.code == 0, done.output[-4000:]
    assert "Resuming from checkpoint checkpoint-4" in done.output
    assert "Resuming training state failed" not in done.output
    assert not done.left
    return request.param, run


def test_every_step_is_written_down(trained: tuple[str, Run]) -> None:
    _, run = trained
    steps = [line for line in run.metrics() if "split" not in line]
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6], "and none twice after resuming"
    for line in steps:
        assert line["loss"] > 0 and line["grad_norm"] > 0 and line["samples_per_s"] > 0
        assert line["lr"] == pytest.approx(1e-3)


def test_errors_are_sampled_in_physical_units(trained: tuple[str, Run]) -> None:
    representation, run = trained
    sampled = [line for line in run.metrics() if line.get("split") == "valid"]
    assert [line["step"] for line in sampled] == [2, 4, 6]
    for line in sampled:
        assert line[f"error_{UNITS[representation]}"] > 0
        assert line["relative_gripper_open"] > 0
        turns = [name for name in line if name.startswith("error_") and name.endswith("_rad")]
        assert len(turns) == {"delta": 3, "velocity": 7, "absolute": 3}[representation]
        # upstream's own, of the same batches: they are one average where there is one dataset
        own = line["libero_spatial_sample_mse"]
        assert line["overall_avg_sample_mse"] == pytest.approx(own, abs=1e-3)


def test_checkpoints_say_what_they_are_and_old_ones_go(trained: tuple[str, Run]) -> None:
    representation, run = trained
    assert [path.name for path in run.out.glob("checkpoint-*")] == ["checkpoint-6"]
    for model in (".", "checkpoint-6"):
        said = run.sidecar(model)
        assert said["representation"] == representation
        assert said["alignment"] == "raw"
        assert said["joints"] is (representation == "velocity")
        assert said["versions"]["torch"]
        assert said["frame"] == 32, "so a rollout shows it frames of this size"
    stat = json.loads((run.folder / "configs" / "dataset_stat.json").read_text())
    assert said["action_mean"] == stat["libero_spatial"]["action_mean"]


def test_weights_are_kept_in_float32(trained: tuple[str, Run]) -> None:
    """Also those of the run in bfloat16, and so is their average."""
    _, run = trained
    for name in ("model.safetensors", "ema/model.safetensors"):
        assert tensor_types(run.out / "checkpoint-6" / name) == {"F32"}


def test_the_average_is_in_float32_where_the_weights_are_not(
    rdt: Fork, tiny: Path, demos: Path, tmp_path: Path
) -> None:
    """As under DeepSpeed, which has float32 copies of the weights alone."""
    run = new_run(rdt, tiny, tmp_path / "run", demos, master_weights=False)
    words = ("--mixed_precision", "bf16", "--dataloader_num_workers", "0", "--sample_period", "-1")
    done = run.main("--max_train_steps", "2", *words)
    assert done.code == 0, done.output[-4000:]
    assert "BF16" in tensor_types(run.out / "checkpoint-2" / "model.safetensors")
    for average in (run.out / "checkpoint-2" / "ema", run.out / "ema"):
        assert tensor_types(average / "model.safetensors") == {"F32"}


def tensor_types(path: Path) -> set[str]:
    """From the head of a safetensors file: its length, and JSON."""
    with path.open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {facts["dtype"] for name, facts in head.items() if name != "__metadata__"}


def refused(done: Ended, said: str) -> None:
    """In a sentence, by the process itself, with nothing left running."""
    assert done.code not in (0, 2), done.output[-2000:]
    assert said in done.output, done.output[-2000:]
    assert not done.left


def test_an_unknown_dataset_name(rdt: Fork, tiny: Path, demos: Path, tmp_path: Path) -> None:
    run = new_run(rdt, tiny, tmp_path / "run", demos, dataset="libero_gaol")
    done = run.main("--max_train_steps", "4", "--dataloader_num_workers", "2")
    refused(done, "the dataset 'libero_gaol' is not in")
    assert "Traceback" not in done.output


def test_a_demo_that_breaks_on_the_way(rdt: Fork, tiny: Path, tmp_path: Path) -> None:
    """Its frames cannot be read, which shows in a worker, once training has begun."""
    data = tmp_path / "data"
    made = SynthOptions(FileLayout.RAW, demos=2, image_size=32, compress=True)
    (path,) = write_suite(data, "libero_spatial", made, tasks=1)
    run = new_run(rdt, tiny, tmp_path / "run", data, holdout=0)
    with h5py.File(path, "r") as file:
        chunks = [
            file[f"data/{name}/obs/agentview_rgb"].id.get_chunk_info(number)
            for name in file["data"]
            for number in range(file[f"data/{name}/obs/agentview_rgb"].id.get_num_chunks())
        ]
    with path.open("r+b") as file:
        for chunk in chunks:
            file.seek(chunk.byte_offset)
            file.write(np.random.default_rng(0).bytes(chunk.size))
    done = run.main("--max_train_steps", "4", "--dataloader_num_workers", "2")
    refused(done, "agentview_rgb: cannot be read")
    assert "demo_" in done.output
    assert done.output.count("agentview_rgb: cannot be read") < 5, "no endless loop"
