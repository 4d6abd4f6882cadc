"""The forms in which demonstrations are written."""

from __future__ import annotations

import enum


class DemoLayout(enum.Enum):
    RAW = "raw"
    """LIBERO's own: each observation one step late, attributes, 128 px."""
    NO_NOOPS = "no_noops"
    """As in the regenerated sets: observation t with action t, no attributes, 256 px."""
    LOW_DIM = "low_dim"
    """For policies on states: observation t with action t, `obs/object` (where the task's objects
    are), attributes, no frames. Not a layout of LIBERO's."""

    @property
    def observes_after(self) -> bool:
        return self is DemoLayout.RAW

    @property
    def has_attributes(self) -> bool:
        return self is not DemoLayout.NO_NOOPS

    @property
    def has_frames(self) -> bool:
        return self is not DemoLayout.LOW_DIM

    @property
    def has_objects(self) -> bool:
        return self is DemoLayout.LOW_DIM

    @property
    def leaves_out_noops(self) -> bool:
        return self is DemoLayout.NO_NOOPS

    @property
    def image_size(self) -> int:
        return 256 if self is DemoLayout.NO_NOOPS else 128

    def folder_name(self, suite: str) -> str:
        return suite if self is DemoLayout.RAW else f"{suite}_{self.value}"
