"""Read LIBERO files in the forms that people have them: raw, or regenerated without attributes."""

import json
import os

from forkctl.libero.suites import language_from_task, task_name_from_file
from robomimic.forkctl_ext.libero_type import LIBERO_PROBLEM


def env_args_of(hdf5_file):
    """The JSON that `data.attrs["env_args"]` holds, or would hold in a regenerated file."""
    written = hdf5_file["data"].attrs.get("env_args", None)
    if written is not None:
        return written
    task = task_name_from_file(os.path.basename(hdf5_file.filename))
    return json.dumps(
        {
            "env_name": LIBERO_PROBLEM,
            "problem_name": LIBERO_PROBLEM,
            "type": 1,
            "bddl_file": task + ".bddl",
            "env_kwargs": {"bddl_file_name": task + ".bddl"},
            "language_instruction": language_from_task(task),
        }
    )


def demo_length(demo):
    """`num_samples`, which a regenerated demo does not say: it has one action for each."""
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
