"""Frames of a simulation, rendered on demand.

One frame costs five times as much as one step of physics, so only what is looked at is rendered. A
render context belongs to one simulation: the first frame makes it, and whoever drops the simulation
drops it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import AGENTVIEW, EYE_IN_HAND

# name in a LIBERO file -> the camera's name in the scene
CAMERA_NAMES = {AGENTVIEW: "agentview", EYE_IN_HAND: "robot0_eye_in_hand"}


def render(sim: Any, camera: str, size: int, *, reflection: bool) -> npt.NDArray[np.uint8]:
    """A square frame as LIBERO stores it: upside down."""
    if sim._render_context_offscreen is None:
        _make_context(sim)
    context = sim._render_context_offscreen
    context.gl_ctx.make_current()  # another simulation of this process may have rendered since
    _set_reflection(context, reflection)
    frame: npt.NDArray[np.uint8] = sim.render(
        camera_name=CAMERA_NAMES[camera], width=size, height=size
    )
    return frame


def _make_context(sim: Any) -> None:
    from robosuite.utils.binding_utils import MjRenderContextOffscreen

    # It runs the dynamics once more, which changes where the solver starts next, and so the last
    # digits of all that follows. Looking must not change anything.
    remembered = sim.data.qacc_warmstart.copy()
    context = MjRenderContextOffscreen(sim, device_id=-1)  # makes itself known to sim
    sim.data.qacc_warmstart[:] = remembered
    context.vopt.geomgroup[0] = 0  # collision geometry is not shown
    context.vopt.geomgroup[1] = 1


def _set_reflection(context: Any, reflection: bool) -> None:
    import mujoco

    context.scn.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = int(reflection)
