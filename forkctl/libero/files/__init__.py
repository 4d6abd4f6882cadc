"""LIBERO's HDF5 files: find, open, read, index."""
