"""Everything forkctl knows of LIBERO. numpy and h5py only, Python 3.9+, nothing else of forkctl
but its errors and its atomic writes.

Overlays import this package inside each fork's own, older environment.
"""
