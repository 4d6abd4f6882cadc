"""Robomimic takes LIBERO's own numbers, and scales them itself by minimum and maximum."""

from __future__ import annotations

from dataclasses import replace

from forkctl.libero.units.conventions import LIBERO

ROBOMIMIC = replace(
    LIBERO,
    name="robomimic",
    summary="LIBERO's own numbers; robomimic scales them itself by minimum and maximum",
)
