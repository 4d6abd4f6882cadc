"""One LIBERO task in the simulator: reset, look, act, and ask whether it is done.

    with TaskSimulation.open("pick_up_the_black_bowl_...") as simulation:
        simulation.reset(init_states(task)[3])
        simulation.settle()
        for ...:
            seen = simulation.observe(CAMERAS, size=256)   # keys and values as in LIBERO's files
            simulation.step(action)
            if simulation.success(): ...

Three things differ from LIBERO's own wrapper, none of them in the physics. Resets are soft: the
scene stays compiled. Frames are rendered only by `observe`. And robosuite's observables, which call
some fifty Python functions per step, are left out; `observe` reads the same numbers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from forkctl.libero.schema import CAMERAS, CONTROL_HZ
from forkctl.simulation import portable, settings, tasks
from forkctl.simulation.camera import render
from forkctl.simulation.errors import SimulationError
from forkctl.simulation.observing import object_poses, object_state, proprioception

Array = npt.NDArray[Any]

SETTLE_STEPS = 10
REST_ACTION = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0])
_PLACEMENT_ATTEMPTS = 100


class TaskSimulation:
    """`env` is robosuite's environment, for what this interface does not offer."""

    def __init__(self, task: str, env: Any, *, reflection: bool) -> None:
        self.task = task
        self.env = env
        self.reflection = reflection
        self._own: str = env.model.get_xml()
        self._compiled = self._own

    @classmethod
    def open(cls, task: str, *, reflection: bool = True) -> TaskSimulation:
        """`reflection=False` renders twice as fast and changes 1.4 % of the pixels: for data and
        policies trained without them, not for checkpoints that were trained on LIBERO's frames."""
        settings.prepare()
        settings.use_assets()
        from libero.libero.envs import TASK_MAPPING
        from libero.libero.envs.bddl_utils import get_problem_info
        from robosuite import load_controller_config

        bddl = str(tasks.bddl_path(task))
        try:
            env = TASK_MAPPING[get_problem_info(bddl)["problem_name"]](
                bddl,
                robots=["Panda"],
                controller_configs=load_controller_config(default_controller="OSC_POSE"),
                gripper_types="default",
                initialization_noise=None,
                use_camera_obs=False,
                has_renderer=False,
                has_offscreen_renderer=False,
                control_freq=CONTROL_HZ,
                ignore_done=True,
                hard_reset=False,
            )
        except FileNotFoundError as error:
            raise SimulationError(
                "this is not among LIBERO's assets", where=str(error.filename), hint=settings.HOW
            ) from None
        env._observables.clear()
        return cls(task, env, reflection=reflection)

    # How an episode starts

    def reset(self, init_state: Array | None = None, *, seed: int = 0) -> None:
        """Objects as in `init_state`, or placed at random as the task's definition allows.

        `seed` also places what is not part of a state: fixtures, which each reset moves by about a
        centimetre.
        """
        from robosuite.utils.errors import RandomizationError

        if self._compiled != self._own:  # a restored scene is the same but for the last digits
            self._compile(self._own)
        np.random.seed(seed)
        for _ in range(_PLACEMENT_ATTEMPTS):
            self._fixtures_to_origin()
            with contextlib.suppress(RandomizationError):
                self.env.reset()
                break
        else:
            raise SimulationError("no room for the objects of the task", where=self.task)
        self._rest_gripper()
        if init_state is not None:
            self._set_state(init_state)

    def restore(self, model_xml: str, state: Array) -> None:
        """Exactly as it was when a demonstration began: the scene is compiled anew from its XML.

        Two restores, and the same actions after them, give the same states to the last bit.
        """
        self._compile(portable.with_assets(model_xml))
        self._rest_gripper()
        self.env.sim.reset()  # also what the solver remembers, which is not part of the state
        self._set_state(state)

    def settle(self, steps: int = SETTLE_STEPS) -> None:
        """Let things come to rest, as every evaluation protocol does."""
        for _ in range(steps):
            self.step(REST_ACTION)

    # While it runs

    def step(self, action: Array) -> None:
        """One twentieth of a second."""
        self.env.step(np.asarray(action, dtype=np.float64))

    def success(self) -> bool:
        return bool(self.env._check_success())

    def observe(self, cameras: Sequence[str] = (), size: int = 128) -> dict[str, Array]:
        """What LIBERO's files hold under `obs`, frames of `cameras` only, and `object`: where the
        objects of the task are (see `observing.object_state`)."""
        seen = proprioception(self.env)
        seen["object"] = object_state(self.env, seen["ee_pos"])
        for camera in cameras:
            seen[camera] = self.frame(camera, size)
        return seen

    def frame(self, camera: str = CAMERAS[0], size: int = 128) -> Array:
        return render(self.env.sim, camera, size, reflection=self.reflection)

    def objects(self) -> dict[str, Array]:
        """Position and quaternion (xyzw) of every object and fixture, by its name."""
        return object_poses(self.env)

    # What can be kept

    def state(self) -> Array:
        """MuJoCo's flat state: time, positions, velocities."""
        state: Array = self.env.sim.get_state().flatten()
        return state

    def model_xml(self) -> str:
        """The scene as it stands, fixtures included, without any path of this machine."""
        import mujoco

        # mujoco fills a model's numbers into the XML that this process compiled last, whichever
        # simulation that was for
        mujoco.MjModel.from_xml_string(self._compiled)
        return portable.without_paths(self.env.sim.model.get_xml())

    def close(self) -> None:
        self._drop_simulation()

    def __enter__(self) -> TaskSimulation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _set_state(self, state: Array) -> None:
        expected = self.state().shape
        if np.shape(state) != expected:
            raise SimulationError(
                f"a state of this task has {expected[0]} numbers, not {np.shape(state)}",
                where=self.task,
            )
        self.env.sim.set_state_from_flattened(np.asarray(state, dtype=np.float64))
        self.env.sim.forward()
        self.env._post_process()

    def _compile(self, xml: str) -> None:
        self._drop_simulation()
        self._compiled = xml
        self.env.reset_from_xml_string(xml)

    def _fixtures_to_origin(self) -> None:
        """LIBERO places what stands on a fixture by the fixture's regions in a freshly compiled
        scene, where fixtures are at the origin. A soft reset leaves fixtures where they were."""
        model = self.env.sim.model
        for name in self.env.fixtures_dict:
            body = self.env.obj_body_id.get(name)
            if body is not None:
                model.body_pos[body] = 0.0
                model.body_quat[body] = (1.0, 0.0, 0.0, 0.0)

    def _rest_gripper(self) -> None:
        # robosuite's grippers integrate their action, and a soft reset does not empty them
        for robot in self.env.robots:
            robot.gripper.current_action = np.zeros(robot.gripper.dof)

    def _drop_simulation(self) -> None:
        """And its render context, which would show garbage for another simulation."""
        if self.env.sim is None:
            return
        context = self.env.sim._render_context_offscreen
        if context is not None:
            context.gl_ctx.make_current()  # or it would free what belongs to another simulation
        self.env.close()
