"""A scripted expert for pick-and-place: it sees the simulation's state, not its frames.

Read `goals` (what is to be put where), `solids` (what stands there), `grasping` (where to take
hold), `moving` (how to get there) and `script` (in which order), in this order.
"""

from forkctl.simulation.expert.goals import refused_tasks, supported_tasks
from forkctl.simulation.expert.script import Expert

__all__ = ["Expert", "refused_tasks", "supported_tasks"]
