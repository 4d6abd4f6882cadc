"""`python -m forkctl.evaluation.workers POLICY`: load a policy, then answer until the pipe closes.

POLICY is a module of this package, or the path of a Python file. Either has a function

    load(checkpoint: str, device: str, options: dict) -> policy

whose result has `conventions` (a dict, see forkctl.evaluation.policy.Conventions) and
`predict(observations, instructions, seed)`, which returns for each observation a dict with
`actions` (chunk, width) and, where it speaks in tokens, `tokens` and `invalid`. A policy whose
conventions list `variants` also has `predict_as(variant, observations, instructions, seed)`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from types import ModuleType
from typing import Any, BinaryIO

from forkctl.evaluation.workers.protocol import read_message, write_message


def main(name: str) -> int:
    # Libraries print. Their output goes to the log; the pipe is ours alone.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = sys.stdin.buffer
    try:
        policy = _load(name, read_message(questions) or {})
        write_message(answers, {"ready": dict(policy.conventions)})
        _serve(policy, questions, answers)
    except Exception as error:
        traceback.print_exc()
        write_message(answers, {"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


def _load(name: str, request: dict[str, Any]) -> Any:
    return _module(name).load(request["checkpoint"], request["device"], request["options"])


def _module(name: str) -> ModuleType:
    if not name.endswith(".py"):
        return importlib.import_module("forkctl.evaluation.workers." + name)
    spec = importlib.util.spec_from_file_location("forkctl_policy", name)
    if spec is None or spec.loader is None:
        raise ImportError("cannot import " + name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _serve(policy: Any, questions: BinaryIO, answers: BinaryIO) -> None:
    while True:
        message = read_message(questions)
        if message is None:
            return
        words = (message["observations"], message["instructions"], message["seed"])
        variant = message.get("variant")
        predictions = (
            policy.predict(*words) if variant is None else policy.predict_as(variant, *words)
        )
        write_message(answers, {"predictions": list(predictions)})


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
