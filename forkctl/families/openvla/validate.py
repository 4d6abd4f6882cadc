"""Runs in the fork's environment: does upstream's own FinetuneConfig take these flags?

argv: the config's path. stdout, last line: JSON with `unknown` (flags that upstream does not have),
`error` (what draccus, which parses upstream's command line, or forkctl's own options said) and
`taken` (who took the rest).
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any


def upstream_config() -> Any:
    """The dataclass, from the entrypoint itself; importing it runs nothing."""
    import forkctl_openvla  # type: ignore[import-not-found]

    script = Path(forkctl_openvla.__file__).parents[1] / "vla-scripts" / "finetune.py"
    spec = importlib.util.spec_from_file_location("finetune", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["finetune"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module.FinetuneConfig


def complaint(kind: Any, flags: dict[str, Any]) -> str | None:
    import draccus  # type: ignore[import-not-found]

    words = []
    for name, value in flags.items():
        if value is not None:
            words += ["--" + name, str(value)]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            draccus.parse(kind, args=words)
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def main() -> None:
    from forkctl_openvla import options

    from forkctl.errors import ForkctlError

    values = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    flags = values.get("flags") or {}
    kind = upstream_config()
    unknown = sorted(set(flags) - set(kind.__dataclass_fields__))
    error = None if unknown else complaint(kind, flags)
    try:
        options.parse(values.get("forkctl") or {}, "forkctl.")
    except ForkctlError as refused:
        error = error or str(refused)
    taken = "taken by upstream's own FinetuneConfig"
    print("\n" + json.dumps({"unknown": unknown, "error": error, "taken": taken}))


if __name__ == "__main__":
    main()
