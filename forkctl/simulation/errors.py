"""What can go wrong with the simulator."""

from __future__ import annotations

from forkctl.errors import ForkctlError


class SimulationError(ForkctlError):
    """The simulator cannot be set up, or a scene cannot be made."""
