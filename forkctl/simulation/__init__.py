"""LIBERO's simulator behind a small interface, and what is made with it.

Runs inside the simulator's environment (`[env.libero-sim]`), as a process of its own. It imports
nothing else of forkctl but `forkctl.libero`; LIBERO, robosuite and mujoco are imported by the code
that needs them, after `settings.prepare` has said where everything is.
"""
