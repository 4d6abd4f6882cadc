"""What can go wrong with the simulator, in words that a person can act on."""

from __future__ import annotations

from forkctl.libero.errors import LiberoError


class SimulationError(LiberoError):
    """The simulator cannot be set up, or a scene cannot be made."""
