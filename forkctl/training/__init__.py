"""Environments, native configs, launchers and run records: what it takes to train a fork."""
