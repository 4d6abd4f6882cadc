"""What stands in the scene, as boxes of collision geometry and as points inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_PLANE, _SPHERE, _CAPSULE, _CYLINDER, _BOX, _MESH = 0, 2, 3, 5, 6, 7


@dataclass(frozen=True)
class Solids:
    """Oriented boxes, in the world's frame: centres (N, 3), axes (N, 3, 3), half sizes (N, 3)."""

    centers: Array
    axes: Array
    halves: Array

    @property
    def tops(self) -> Array:
        return self.centers[:, 2] + self.reach[:, 2]

    @property
    def reach(self) -> Array:
        """Half sizes of the boxes around them that are parallel to the world's axes."""
        sizes: Array = np.einsum("nij,nj->ni", np.abs(self.axes), self.halves)
        return sizes

    def points(self, spacing: float) -> Array:
        """A grid in each box, its surface included."""
        parts = [np.zeros((0, 3))]
        for center, axes, half in zip(self.centers, self.axes, self.halves, strict=True):
            steps = [
                np.linspace(-h, h, max(int(np.ceil(2 * h / spacing)) + 1, 2)) if h > 1e-4 else [0.0]
                for h in half
            ]
            grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
            inside = np.abs(np.abs(grid) - half).min(axis=1) > 1e-9
            grid = grid[~inside] if half.min() > 2 * spacing else grid  # a thick box: its surface
            parts.append(center + grid @ axes.T)
        return np.concatenate(parts)

    def near(self, place: Array, radius: float) -> Solids:
        """Those that come within `radius` of a place, seen from above."""
        gap = np.abs(self.centers[:, :2] - place[:2]) - self.reach[:, :2]
        return self._chosen(np.linalg.norm(np.maximum(gap, 0.0), axis=1) < radius)

    def _chosen(self, which: npt.NDArray[np.bool_]) -> Solids:
        return Solids(self.centers[which], self.axes[which], self.halves[which])


def solids_of(env: Any, name: str) -> Solids:
    """The collision geometry of one object or fixture."""
    return _solids(env, _geoms_under(env, env.obj_body_id[name]))


def surroundings(env: Any, but: str) -> Solids:
    """All that the hand may run into: everything except the robot and one object."""
    model = env.sim.model
    left_out = set(_geoms_under(env, env.obj_body_id[but]))
    for geom in range(model.ngeom):
        body = model.body_id2name(model.geom_bodyid[geom]) or ""
        if body.startswith(("robot0", "gripper0", "mount0")):
            left_out.add(geom)
    return _solids(env, [geom for geom in range(model.ngeom) if geom not in left_out])


def _geoms_under(env: Any, root: int) -> list[int]:
    model = env.sim.model
    under = {root}
    for body in range(root + 1, model.nbody):  # a child's number is above its parent's
        if model.body_parentid[body] in under:
            under.add(body)
    return [geom for geom in range(model.ngeom) if model.geom_bodyid[geom] in under]


def _solids(env: Any, geoms: list[int]) -> Solids:
    model, data = env.sim.model, env.sim.data
    touchable = [
        geom
        for geom in geoms
        if (model.geom_contype[geom] or model.geom_conaffinity[geom])
        and model.geom_type[geom] != _PLANE
    ]
    axes = [data.geom_xmat[geom].reshape(3, 3) for geom in touchable]
    boxes = [_box(model, geom) for geom in touchable]
    centers = [
        data.geom_xpos[geom] + frame @ middle
        for geom, frame, (middle, _) in zip(touchable, axes, boxes, strict=True)
    ]
    return Solids(
        np.array(centers).reshape(-1, 3),
        np.array(axes).reshape(-1, 3, 3),
        np.array([half for _, half in boxes]).reshape(-1, 3),
    )


def _box(model: Any, geom: int) -> tuple[Array, Array]:
    """Middle and half sizes of the smallest box in the geom's own frame."""
    kind = int(model.geom_type[geom])
    size = np.array(model.geom_size[geom])
    if kind == _MESH:
        aabb = np.array(model.geom_aabb[geom]).reshape(-1)
        return aabb[:3], aabb[3:]
    middle = np.zeros(3)
    if kind == _SPHERE:
        return middle, np.full(3, size[0])
    if kind == _CYLINDER:
        return middle, np.array([size[0], size[0], size[1]])
    if kind == _CAPSULE:
        return middle, np.array([size[0], size[0], size[0] + size[1]])
    return middle, size
