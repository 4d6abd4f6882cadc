"""LIBERO's simulator behind a small interface, and what is made with it.

Runs in the simulator's environment (`[env.libero-sim]`), as a process of its own. LIBERO,
robosuite and mujoco are imported where they are needed, after `settings.prepare` has said where
everything is.
"""
