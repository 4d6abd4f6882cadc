"""What runs inside the simulator's environment: one process that holds one task's world.

Nothing here imports the rest of forkctl, but for forkctl.simulation, forkctl.libero and the
messages of forkctl.evaluation.workers.
"""
