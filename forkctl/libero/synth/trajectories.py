"""A scripted demonstrator that carries objects to the goal, and the trajectories it makes.

All demonstrations of a task advance together, one array operation a step, because ninety tasks of
fifty demonstrations should take seconds. Each draws its own random numbers, so that demonstration 7
is the same whether ten or fifty are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from forkctl.libero.synth import arm
from forkctl.libero.synth.scene import (
    GRASP_HALF_WIDTH,
    OBJECT_HALF_HEIGHT,
    OBJECTS,
    TABLE_HEIGHT,
    Scene,
    carry,
    goal_of,
    jitter,
)

Array = np.ndarray

HOVER = 1.07
GAIN = 2.2  # commanded metres for a metre of error; the lag turns it into a smooth approach
OPEN, CLOSE = -1.0, 1.0
DWELL_CLOSE, DWELL_OPEN, DWELL_END = 8, 5, 5
NEAR = 0.018


@dataclass(frozen=True)
class Style:
    """How the demonstrator works: how fast, how steadily, with or without pauses."""

    speed: float = 0.9
    noise: float = 0.09
    pauses: bool = True


@dataclass(frozen=True)
class Trajectories:
    """N trajectories, padded to the longest. `T` counts actions; states have one more."""

    length: Array  # (N,) actions of each
    action: Array  # (N, T, 7)
    position: Array  # (N, T+1, 3)
    quaternion: Array  # (N, T+1, 4)
    finger: Array  # (N, T+1)
    objects: Array  # (N, T+1, OBJECTS, 3)
    goal: Array  # (N, 3)


@dataclass(frozen=True)
class _Waypoints:
    """N demonstrations, P stages each."""

    target: Array  # (N, P, 3)
    yaw: Array  # (N, P)
    grip: Array  # (P,)
    dwell: Array  # (P,) steps to stay, 0 = go on when near
    holds: Array  # (P,) index of the object that moves with the hand, -1 = none


@dataclass(frozen=True)
class _Draws:
    """Everything random in N demonstrations."""

    objects: Array
    goal: Array
    start: Array
    quaternion: Array
    grasp_yaw: Array
    speed: Array
    noise: Array  # (N, T, 6), smooth
    paused: Array  # (N, T)


def make_trajectories(
    scene: Scene, seeds: List[List[int]], style: Style, max_steps: int
) -> Trajectories:
    """One demonstration for each seed; each ends when the work is done, or at `max_steps`."""
    draws = _draw(scene, seeds, style, max_steps)
    waypoints = _waypoints(scene, draws)
    count, stages = len(seeds), waypoints.grip.size
    state = arm.start_state(draws.start, draws.quaternion)
    objects = draws.objects.copy()
    stage = np.zeros(count, dtype=int)
    stayed = np.zeros(count, dtype=int)
    everyone = np.arange(count)
    length = np.full(count, max_steps)
    trace: List[Tuple[Array, arm.ArmState, Array]] = []
    first = (state, objects)
    for t in range(max_steps):
        running = stage < stages
        if not running.any():
            break
        now = np.minimum(stage, stages - 1)
        target, grip = waypoints.target[everyone, now], waypoints.grip[now]
        action = _command(state, target, waypoints.yaw[everyone, now], grip, draws, t)
        dwelling = waypoints.dwell[now] > 0
        action = _idle(action, dwelling, draws, t, style)
        held = waypoints.holds[now]
        new = arm.freeze(state, arm.step(state, action, GRASP_HALF_WIDTH), running)
        objects = carry(objects, new.position - state.position, held, draws.goal)
        state = new
        trace.append((action, state, objects))
        stayed = stayed + 1
        error = np.linalg.norm(target - state.position, axis=1)
        done = np.where(dwelling, stayed >= waypoints.dwell[now], error < NEAR) & running
        stage, stayed = stage + done, np.where(done, 0, stayed)
        length = np.where(running & (stage >= stages), t + 1, length)
    return _collect(trace, first, length, draws.goal)


def beginning(scene: Scene, rng: np.random.Generator) -> Tuple[Array, Array, Array, Array]:
    """Objects, goal, and the hand's position and orientation at the start of an episode."""
    objects, goal = jitter(scene, rng)
    position = arm.START_POSITION + rng.normal(0, 0.01, 3)
    tilt = arm.from_rotation_vector(rng.normal(0, 0.02, 3))
    return objects, goal, position, arm.multiply(tilt, arm.START_QUATERNION)


def _draw(scene: Scene, seeds: List[List[int]], style: Style, steps: int) -> _Draws:
    rows = [_draw_one(scene, np.random.default_rng(seed), style, steps) for seed in seeds]
    return _Draws(*(np.stack(column) for column in zip(*rows)))


def _draw_one(
    scene: Scene, rng: np.random.Generator, style: Style, steps: int
) -> Tuple[Array, ...]:
    objects, goal, start, quaternion = beginning(scene, rng)
    yaw = rng.uniform(-0.5, 0.5, OBJECTS)
    speed = style.speed * rng.uniform(0.8, 1.15)
    rough = rng.normal(0, style.noise, (steps, 6)) * np.array([1, 1, 1, 0.35, 0.5, 0.35])
    smooth = rough.copy()
    for t in range(1, steps):
        smooth[t] = 0.7 * smooth[t - 1] + 0.7 * rough[t]
    paused = np.zeros(steps, dtype=bool)
    if style.pauses:
        for begin in rng.integers(0, steps, max(1, steps // 45)):
            paused[begin : begin + rng.integers(1, 5)] = True
    return objects, goal, start, quaternion, yaw, np.asarray(speed), smooth, paused


def _waypoints(scene: Scene, draws: _Draws) -> _Waypoints:
    count = len(draws.goal)
    target, yaw, grip, dwell, holds = [], [], [], [], []

    def stage(
        place: Array, height: float, turn: Array, fingers: float, stay: int, held: int
    ) -> None:
        target.append(np.column_stack([place[:, :2], np.full(count, height)]))
        yaw.append(turn)
        grip.append(fingers)
        dwell.append(stay)
        holds.append(held)

    grasp_height = TABLE_HEIGHT + 2 * OBJECT_HALF_HEIGHT
    level = np.zeros(count)
    for leg in range(scene.legs):
        thing, turn = draws.objects[:, leg], draws.grasp_yaw[:, leg]
        goal = goal_of(draws.goal, leg)
        stage(thing, HOVER, turn, OPEN, 0, -1)
        stage(thing, grasp_height, turn, OPEN, 0, -1)
        stage(thing, grasp_height, turn, CLOSE, DWELL_CLOSE, -1)
        stage(thing, HOVER, level, CLOSE, 0, leg)
        stage(goal, HOVER, level, CLOSE, 0, leg)
        stage(goal, grasp_height + 0.01, level, CLOSE, 0, leg)
        stage(goal, grasp_height + 0.01, level, OPEN, DWELL_OPEN, -1)
    stage(goal, HOVER, level, OPEN, 0, -1)
    stage(goal, HOVER, level, OPEN, DWELL_END, -1)
    return _Waypoints(
        np.stack(target, axis=1),
        np.stack(yaw, axis=1),
        np.array(grip),
        np.array(dwell),
        np.array(holds),
    )


def _command(
    state: arm.ArmState, target: Array, yaw: Array, grip: Array, draws: _Draws, t: int
) -> Array:
    """What is pushed on the device: towards the target, with an unsteady hand."""
    linear = GAIN * (target - state.position) / arm.POSITION_SCALE
    fast = draws.speed[:, None] * arm.MAX_TRANSLATION
    linear = np.clip(linear, -fast, fast)
    turn = arm.from_rotation_vector(np.outer(yaw, [0.0, 0.0, 1.0]))
    wanted = arm.multiply(turn, np.broadcast_to(arm.START_QUATERNION, state.quaternion.shape))
    error = arm.multiply(wanted, arm.conjugate(state.quaternion))
    error = np.where(error[:, 3:] < 0, -error, error)
    angular = np.clip(0.4 * 2.0 * error[:, :3] / arm.ROTATION_SCALE, -0.3, 0.3)
    free = np.concatenate([linear, angular], axis=1)
    # a hand that pushes hard shakes more than one that holds still
    effort = 0.3 + np.abs(np.concatenate([linear, angular], axis=1)).max(axis=1, keepdims=True)
    free = free + draws.noise[:, t] * effort
    free = np.where(np.abs(free) < 0.012, 0.0, free)  # the device's dead zone
    return arm.quantise(np.column_stack([free, grip]))


def _idle(action: Array, dwelling: Array, draws: _Draws, t: int, style: Style) -> Array:
    """While the fingers move, and in pauses, the hand keeps still.

    Without pauses (the regenerated set has no still steps) it keeps a slight drift instead, never
    less than one level of the device.
    """
    if style.pauses:
        still = dwelling | draws.paused[:, t]
        return np.where(still[:, None] & _MOTION, 0.0, action)
    drift = np.zeros_like(action)
    drift[:, 0] = np.where(t % 2, 3.0, -3.0) * arm.MAX_TRANSLATION / arm.COMMAND_LEVELS
    frozen = ~action[:, :6].any(axis=1)
    return np.where((dwelling | frozen)[:, None] & _MOTION, drift, action)


_MOTION = np.array([True] * 6 + [False])


def _collect(
    trace: List[Tuple[Array, arm.ArmState, Array]],
    first: Tuple[arm.ArmState, Array],
    length: Array,
    goal: Array,
) -> Trajectories:
    states = [first[0]] + [state for _, state, _ in trace]
    return Trajectories(
        length=np.minimum(length, len(trace)),
        action=np.stack([action for action, _, _ in trace], axis=1),
        position=np.stack([state.position for state in states], axis=1),
        quaternion=np.stack([state.quaternion for state in states], axis=1),
        finger=np.stack([state.finger for state in states], axis=1),
        objects=np.stack([first[1]] + [objects for _, _, objects in trace], axis=1),
        goal=goal,
    )
