"""Does the simulator work here: versions, a rendered frame, LIBERO's assets."""

from __future__ import annotations

import os
from pathlib import Path

from forkctl.simulation.settings import ASSETS, holds_assets, package_folder, prepare

_SCENE = """<mujoco><worldbody><light pos="0 0 2"/>
<geom type="sphere" size=".3" rgba="1 0 0 1"/><camera name="c" pos="0 0 2"/></worldbody></mujoco>"""


def probe() -> dict[str, str | None]:
    """Raises where a frame cannot be rendered."""
    prepare()
    import mujoco

    model = mujoco.MjModel.from_xml_string(_SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer = mujoco.Renderer(model, 64, 64)
    try:
        renderer.update_scene(data, "c")
        if not renderer.render().any():
            raise RuntimeError("the frame is black")
        device = _device()
    finally:
        renderer.close()
    return {
        "mujoco": mujoco.__version__,
        "renderer": os.environ.get("MUJOCO_GL", "default"),
        "device": device,
        "assets": assets_here(),
    }


def _device() -> str:
    from OpenGL import GL

    said = GL.glGetString(GL.GL_RENDERER)
    return said.decode() if said else ""


def assets_here() -> str | None:
    """Where LIBERO's assets are; None where they have to be downloaded."""
    place = os.environ.get(ASSETS) or str(package_folder() / "assets")
    return place if holds_assets(Path(place)) else None
