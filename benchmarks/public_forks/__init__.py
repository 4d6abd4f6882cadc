"""The shipped patches on public forks: which of them apply, where, and whether that is right.

    python -m benchmarks.public_forks [--held-out] [--details] [--only TEXT]

`development.toml` and `held_out.toml` list the forks, `judgements/` says for each patch and each
version of a file what must come of it, `trees` fetches, `methods` tries, `expected` compares.
"""
