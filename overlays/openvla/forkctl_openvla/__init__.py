"""What forkctl adds to OpenVLA: training on LIBERO's HDF5 files through upstream's finetune.py.

The patches hold hooks of one line each, and `session.py` answers them. `options.py` and
`sidecar.py` import neither torch nor upstream, so that other programs can read these files.
"""
