"""`python -m forkctl.inside.policy_worker POLICY`: load it, then answer until the pipe closes.

POLICY is a module, or the path of a Python file. Either has a function

    load(checkpoint: str or None, device: str, options: dict) -> policy

whose result has `conventions` (a dict, see forkctl.evaluation.policies.policy.Conventions) and
`predict(observations, instructions, seed)`, which returns for each observation a dict with
`actions` (chunk, width) and, where it speaks in tokens, `tokens` and `invalid`. A policy whose
conventions list `variants` also has `predict_as(variant, observations, instructions, seed)`.
"""

from __future__ import annotations

import sys
from typing import Any, BinaryIO

from forkctl.inside.protocol import read_message, write_message
from forkctl.inside.serving import answer_with, module_named


def main(name: str) -> int:
    def serve(questions: BinaryIO, answers: BinaryIO) -> None:
        request = read_message(questions) or {}
        device = _device(request["device"])
        policy = _load(name, {**request, "device": device})
        write_message(answers, {"ready": dict(policy.conventions), "device": device})
        _serve(policy, questions, answers)

    return answer_with(serve)


def _device(asked: str) -> str:
    """`auto` is a GPU where torch sees one."""
    if asked != "auto":
        return asked
    try:
        import torch
    except ImportError:
        return "cpu"
    return "cuda" if torch.cuda.is_available() else "cpu"


def _load(name: str, request: dict[str, Any]) -> Any:
    module = module_named(name)
    return module.load(request["checkpoint"], request["device"], request["options"])


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
