"""Whole episodes: how long they are, how much of them is still, and whether they come to an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional

import numpy as np

from forkctl.libero import alignment as align
from forkctl.libero.suites import find_suite
from forkctl.libero.units.noops import noop_mask
from forkctl.libero.validation.clock import keeps_time
from forkctl.libero.validation.evidence import DemoEvidence, FileEvidence, alignment_of
from forkctl.libero.validation.findings import Finding, of_demos
from forkctl.libero.validation.gripper import INVERTED, share_closing

_SHORT = 10
# People pause, in a few per cent of the steps; the regenerated set has no pauses left.
_RAW_NOOPS, _REGENERATED_NOOPS = 0.25, 0.01
_CARRIES = ("put_", "place_", "stack_")
_GOES_ON = ("close_", "open_", "turn_on", "push_")  # with closed fingers, perhaps
_MOST = 0.5
_LAST = 5  # steps
_CARRIED, _MOVING = 0.05, 0.004  # metres; metres per step


def check(file: FileEvidence) -> Iterator[Finding]:
    yield from _lengths(file)
    yield from _noops(file)
    yield from _ends(file)


def _lengths(file: FileEvidence) -> Iterator[Finding]:
    suite = find_suite(file.task)
    for demo in file.demos:
        steps = 0 if demo.actions is None else len(demo.actions)
        if suite is not None and steps > suite.max_steps:
            detail = f"{steps} steps; {suite.name} is evaluated for at most {suite.max_steps}"
            yield Finding("episode-long", detail, demo.name)
        elif 0 < steps < _SHORT:
            yield Finding("episode-short", f"{steps} steps", demo.name)


def _noops(file: FileEvidence) -> Iterator[Finding]:
    masks = [noop_mask(demo.actions) for demo in file.demos if demo.actions is not None]
    if not masks:
        return
    share = float(np.concatenate(masks).mean())
    raw = bool(file.attrs) or alignment_of(file) == align.RAW
    limit = _RAW_NOOPS if raw else _REGENERATED_NOOPS
    if share > limit:
        kind = "raw" if raw else "regenerated"
        yield Finding(
            "noop-share", f"{share:.1%} of the steps do nothing; {kind} data: {limit:.0%}"
        )


def _ends(file: FileEvidence) -> Iterator[Finding]:
    """Where a thing is to be put somewhere, open fingers close on it, and the hand carries it.

    It counts as put there while it is still held, so an end with closed fingers is none too early
    by itself. In the middle of the way it is: said where most demos end so.
    """
    if not any(word in file.task for word in _CARRIES) or any(
        word in file.task for word in _GOES_ON
    ):
        return
    carries = [each for each in map(_Carry.of, file.demos) if each is not None]
    if not any(each.grasps for each in carries):
        return  # the gripper has a fault of its own
    cut = {each.demo: words for each in carries if (words := each.cut())}
    moving = [each for each in carries if each.demo in cut or each.is_moving]
    if len(moving) > _MOST * len(carries):
        detail = f"{len(moving)} of {len(carries)} demos lack the way there, or its end"
        yield Finding("episode-cut", detail)
    else:
        yield from of_demos("episode-cut", cut, len(carries))


@dataclass(frozen=True)
class _Carry:
    demo: str
    grasps: bool
    begins_closed: bool
    held: bool  # at the end
    way: float  # metres between the last grasp and the end
    speed: float  # metres per step, at the end

    @classmethod
    def of(cls, demo: DemoEvidence) -> Optional[_Carry]:
        """None without LIBERO's gripper commands, or where fewer steps are there than it takes."""
        position = demo.obs("ee_pos")
        if demo.actions is None or position is None or len(position) < _SHORT:
            return None
        command = demo.actions[:, 6]
        if not (np.abs(command) == 1).all() or not np.isfinite(position).all():
            return None
        if not keeps_time(demo):
            return None
        closing = share_closing([demo])
        if closing is not None and closing < INVERTED:
            return None
        opened = np.flatnonzero(command < 0)
        grasp = int(opened[-1]) + 1 if len(opened) else 0
        last = position[-1]
        return cls(
            demo.name,
            grasps=bool((command > 0).any()),
            begins_closed=bool(command[0] > 0),
            held=bool(command[-1] > 0),
            way=float(np.linalg.norm(last - position[min(grasp, len(position) - 1)])),
            speed=float(np.linalg.norm(last - position[-1 - _LAST])) / _LAST,
        )

    def cut(self) -> str:
        if not self.grasps:
            return "the gripper never closes"
        if self.begins_closed:
            return "it begins with the gripper closed"
        if self.held and self.way < _CARRIED:
            return f"it ends {100 * self.way:.0f} cm from where the gripper closed"
        return ""

    @property
    def is_moving(self) -> bool:
        return self.held and self.speed > _MOVING
