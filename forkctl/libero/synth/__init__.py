"""LIBERO-shaped data made from nothing: for demos, tests and benchmarks.

`scene` and `trajectories` decide what happens, `arm` how the robot answers, `cameras` what is seen,
`demo` gives it LIBERO's arrays and timing, `files` writes it, `defects` spoils it on purpose.
"""

from forkctl.libero.synth.files import SynthOptions, write_suite, write_task

__all__ = ["SynthOptions", "write_suite", "write_task"]
