"""forkctl: forks as pinned revision + patches + overlays, run on checked LIBERO data."""

__version__ = "0.1.0"
