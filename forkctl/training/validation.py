"""Ask the pinned upstream itself, in its own environment, whether it takes a config."""

from __future__ import annotations

import json

from forkctl import checks
from forkctl.checks import Check
from forkctl.configs import Config, write_config
from forkctl.environments.binding import Place
from forkctl.errors import ForkctlError
from forkctl.family import Launcher
from forkctl.scratch import scratch_folder


def validate_config(launcher: Launcher, config: Config, place: Place) -> list[Check]:
    """Nothing where the kind of fork brings no validator."""
    if launcher.validator is None:
        return []
    script = launcher.validator.read_text(encoding="utf-8")
    with scratch_folder() as scratch:
        path = scratch / "config.json"
        write_config(path, config)
        done = place.run_python(["-c", script, str(path)], cwd=scratch)
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise ForkctlError(
            f"upstream's config cannot be read:\n{done.stderr.strip()[-1500:]}",
            where=str(place.tree),
            hint="forkctl env check says what the environment lacks",
        ) from None
    if answer["unknown"]:
        hint = answer.get("hint")
        return [
            checks.failed("config", f"upstream has no key {key}", hint) for key in answer["unknown"]
        ]
    if answer["error"]:
        return [checks.failed("config", answer["error"])]
    taken = answer.get("taken", "taken by upstream itself")
    return [checks.ok("config", taken)]
