"""What runs inside a fork's own environment: Python 3.9 or newer, numpy, and what the fork has.

A worker is one process that holds one loaded policy and answers queries over a pipe. Nothing here
imports the rest of forkctl, but for forkctl.libero where a policy needs it.
"""
