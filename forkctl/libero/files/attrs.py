"""The attributes of LIBERO's raw files, for files that are made here or that lack them."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

from forkctl.libero.schema import CONTROL_HZ, TAG
from forkctl.libero.suites import find_suite, language_from_task

# The arena is in the scene's name; tasks without one stand on a plain table, or on the floor.
_ARENAS = {
    "KITCHEN": "Libero_Kitchen_Tabletop_Manipulation",
    "LIVING_ROOM": "Libero_Living_Room_Tabletop_Manipulation",
    "STUDY": "Libero_Study_Tabletop_Manipulation",
}
_FLOOR_SUITE = "libero_object"


def environment_name(task: str) -> str:
    suite = find_suite(task)
    if suite is not None and suite.name == _FLOOR_SUITE:
        return "Libero_Floor_Manipulation"
    scene = task.partition("_SCENE")[0]
    return _ARENAS.get(scene, "Libero_Tabletop_Manipulation")


def bddl_file(task: str) -> str:
    """Where LIBERO keeps the task's definition, relative to its folder of bddl files."""
    suite = find_suite(task)
    return f"{suite.name}/{task}.bddl" if suite else f"{task}.bddl"


def environment_args(task: str, image_size: Optional[int]) -> Dict[str, Any]:
    """What a simulated environment is made from."""
    name = environment_name(task)
    cameras = {"camera_heights": image_size, "camera_widths": image_size} if image_size else {}
    return {
        "type": 1,
        "env_name": name,
        "problem_name": name.lower(),
        "bddl_file": bddl_file(task),
        "env_kwargs": {
            "robots": ["Panda"],
            "controller_configs": {
                "type": "OSC_POSE",
                "input_max": 1,
                "input_min": -1,
                "output_max": [0.05, 0.05, 0.05, 0.5, 0.5, 0.5],
                "output_min": [-0.05, -0.05, -0.05, -0.5, -0.5, -0.5],
                "kp": 150,
                "damping_ratio": 1,
                "impedance_mode": "fixed",
                "control_delta": True,
                "uncouple_pos_ori": True,
            },
            "control_freq": CONTROL_HZ,
            "has_renderer": False,
            "has_offscreen_renderer": True,
            "use_camera_obs": True,
            "camera_names": ["robot0_eye_in_hand", "agentview"],
            **cameras,
        },
    }


def problem_info(task: str) -> Dict[str, Any]:
    return {
        "problem_name": environment_name(task).lower(),
        "domain_name": "robosuite",
        "language_instruction": language_from_task(task),
    }


def file_attrs(task: str, image_size: Optional[int]) -> Dict[str, Any]:
    """All that the task's name tells; the text of the bddl file is LIBERO's own."""
    return {
        "tag": TAG,
        "env_name": environment_name(task),
        "problem_info": json.dumps(problem_info(task)),
        "macros_image_convention": "opengl",
        "bddl_file_name": bddl_file(task),
        "env_args": json.dumps(environment_args(task, image_size)),
    }
