"""Environments, config rendering, launching an upstream's own entrypoint, and run records."""
