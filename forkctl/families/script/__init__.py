"""Any training script, described in forks.toml alone."""
