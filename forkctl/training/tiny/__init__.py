"""Small random checkpoints of each upstream's own model, so that all of it runs on a CPU.

They run inside a fork's own environment: Python 3.9 or newer, and nothing of forkctl but
forkctl.libero. A checkpoint that was made so knows nothing; it shows that the machinery works.
"""
