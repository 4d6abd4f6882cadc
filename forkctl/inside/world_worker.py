"""`python -m forkctl.inside.world_worker WORLD`: hold a world, and act on messages from a pipe.

WORLD is a module, or the path of a Python file. Either has a function

    open_world(task: str, options: dict) -> world

whose result has

    init_states    how many fixed initial states the task has
    versions       a dict: what the world is made of
    reset(start, seed)   start is {"init_state": number, "settle": steps} or {"model", "state"}
    observe(keys)  a dict of arrays, by LIBERO's names
    step(action)   True when the task is done
    close()

An exception is sent to the other end and ends the process; the other end starts another one.
"""

from __future__ import annotations

import os
import sys
from typing import Any, BinaryIO

from forkctl.inside.protocol import read_message, write_message
from forkctl.inside.serving import answer_with, module_named


def main(name: str) -> int:
    return answer_with(lambda questions, answers: _serve(module_named(name), questions, answers))


def _serve(module: Any, questions: BinaryIO, answers: BinaryIO) -> None:
    world: Any = None
    while True:
        message = read_message(questions)
        if message is None:
            break
        if "open" in message:
            if world is not None:
                world.close()
            world = module.open_world(message["open"], message["options"])
            write_message(
                answers,
                {"init_states": int(world.init_states), "versions": dict(world.versions)},
            )
            continue
        done = False
        if "reset" in message:
            world.reset(message["reset"], message["seed"])
        else:
            done = bool(world.step(message["step"]))
        wanted = message["observe"]
        seen = world.observe(wanted) if wanted else {}
        write_message(answers, {"done": done, "observation": seen})
    if world is not None:
        world.close()


if __name__ == "__main__":
    # Leaving by the front door lets renderers tear down in an order that some drivers dislike.
    code = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(code)
