"""The stand-in upstream, for every test of this folder."""

from __future__ import annotations

from standin import config, make_thing, suite, thing

__all__ = ["config", "make_thing", "suite", "thing"]
