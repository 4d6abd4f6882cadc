"""Everything forkctl knows of LIBERO. numpy and h5py only, Python 3.9+, no other part of forkctl.

Overlays import this package inside each fork's own, older environment.
"""
