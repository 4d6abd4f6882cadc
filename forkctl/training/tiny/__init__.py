"""Tiny models of an upstream's own form, with random weights: a whole run in seconds, on a laptop.

A maker is a script that runs in the fork's environment and imports nothing of forkctl, so that a
test, a demo or a person can start it: `forkctl env exec FORK -- python MAKER OUT`.
"""
