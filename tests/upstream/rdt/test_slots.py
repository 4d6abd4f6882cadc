from __future__ import annotations

import runpy
from collections.abc import Callable

from forkctl.families.rdt import units
from tests.driver import Workspace


def test_slots_are_those_of_rdt(real: Callable[..., Workspace]) -> None:
    """Against RDT's own table of names."""
    table = runpy.run_path(str(real("rdt").tree("rdt") / "configs" / "state_vec.py"))
    theirs = table["STATE_VEC_IDX_MAPPING"]
    position = [f"right_eef_pos_{axis}" for axis in "xyz"]
    rotation = [f"right_eef_angle_{i}" for i in range(6)]
    velocity = [f"right_eef_vel_{axis}" for axis in "xyz"]
    angular = [f"right_eef_angular_vel_{axis}" for axis in ("roll", "pitch", "yaw")]
    joints = [f"right_arm_joint_{i}_pos" for i in range(7)]
    pose = [*position, *rotation, "right_gripper_open"]
    for dimensions, expected in (
        (units.DELTA_ACTION, pose),
        (units.ABSOLUTE_ACTION, pose),
        (units.VELOCITY_ACTION, [*velocity, *angular, "right_gripper_open"]),
        (units.STATE.dims, [*joints, *pose]),
    ):
        assert units.slots_of(dimensions) == [theirs[name] for name in expected]
