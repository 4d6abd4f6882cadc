"""Tiny models of an upstream's own form, with random weights: a whole run in seconds, on a laptop.

A maker runs in the fork's environment and imports nothing of forkctl but forkctl.libero, so that a
test, a demo or a person can start it: `forkctl env exec FORK -- python -m MAKER OUT`.
"""
