"""Read LIBERO files in the forms that people have them: raw, or regenerated without attributes."""

import json
from pathlib import Path

from robomimic.forkctl_ext.libero_type import LIBERO_PROBLEM, is_libero

from forkctl.libero.files.sources import datasets_in, require_sources
from forkctl.libero.suites import language_from_task, task_name_from_file


def env_args_of(hdf5_file):
    """The JSON that `data.attrs["env_args"]` holds, or would hold in a regenerated file.

    A LIBERO task is its BDDL file, so its name is put where the environment looks for it.
    """
    attributes = hdf5_file["data"].attrs
    written = attributes.get("env_args", None)
    task = task_name_from_file(Path(hdf5_file.filename).name)
    if written is None:
        meta = {
            "env_name": LIBERO_PROBLEM,
            "problem_name": LIBERO_PROBLEM,
            "type": 1,
            "env_kwargs": {},
            "language_instruction": language_from_task(task),
        }
    else:
        meta = json.loads(written)
    if is_libero(meta):
        named = meta.get("bddl_file") or attributes.get("bddl_file_name") or task + ".bddl"
        meta["env_kwargs"].setdefault("bddl_file_name", named)
    return json.dumps(meta)


def demo_length(demo):
    """`num_samples`, which a regenerated demo does not say: it has one action for each.

    Upstream asks this of each demo when a dataset opens: the time to see that what it links to is
    there. HDF5 would give zeros for it.
    """
    require_sources(*datasets_in(demo))
    written = demo.attrs.get("num_samples", None)
    return len(demo["actions"]) if written is None else int(written)


def file_failed(path):
    """The error for a file that cannot be trained on; never train on fewer files than asked."""
    return RuntimeError(
        "cannot read the dataset {}; every file named in train.data must load".format(path)
    )


def only(value):
    """One of the metadata that a run over several files saved as a list; they share a model."""
    return value[0] if isinstance(value, (list, tuple)) else value
