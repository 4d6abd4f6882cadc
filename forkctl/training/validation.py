"""Ask the pinned upstream itself, in its own environment, whether it takes a config."""

from __future__ import annotations

import difflib
import json
import tempfile
from pathlib import Path

from forkctl import checks as findings
from forkctl.checks import Finding
from forkctl.configs import Config, write_config
from forkctl.environments.environment import Environment
from forkctl.environments.proving import run_python
from forkctl.errors import ForkctlError
from forkctl.family import Launcher


def validate_config(
    launcher: Launcher, config: Config, environment: Environment, tree: Path
) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "config.json"
        write_config(path, config)
        script = launcher.validator.read_text(encoding="utf-8")
        done = run_python(environment, tree, ["-c", script, str(path)], cwd=Path(scratch))
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise ForkctlError(
            f"upstream's config cannot be read:\n{done.stderr.strip()[-1500:]}",
            where=str(tree),
            hint="forkctl env check says what the environment lacks",
        ) from None
    if answer["unknown"]:
        return [_unknown(key) for key in answer["unknown"]]
    if answer["error"]:
        return [findings.failed("config", answer["error"])]
    taken = answer.get("taken", "taken by upstream's own key-locked Config")
    return [findings.ok("config", taken)]


_OURS = (
    "image_dim",
    "strict_weight_loading",
    "ckpt_key_map",
    "ckpt_transfer",
    "skill_conditioning",
)


def _unknown(key: str) -> Finding:
    ours = difflib.get_close_matches(key.split(".")[-1], _OURS, n=1, cutoff=0.8)
    hint = "a patch of the series adds this key: forkctl apply" if ours else None
    return findings.failed("config", f"upstream has no key {key}", hint)
