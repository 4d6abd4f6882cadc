from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from forkctl.libero.suites import SUITES, language_from_task
from tests.driver import Fork

WHERE = (
    "import importlib.util as found; print(*found.find_spec('libero').submodule_search_locations)"
)


def test_names_and_languages_are_those_of_libero(simulator: Fork) -> None:
    """Our language against LIBERO's own function, run as it stands, for all 130 tasks."""
    benchmark = Path(simulator.says("-c", WHERE).splitlines()[-1]) / "libero" / "benchmark"
    source = ast.parse((benchmark / "libero_suite_task_map.py").read_text())
    table = ast.literal_eval(source.body[0].value)  # type: ignore[attr-defined]
    assert {name: list(suite.tasks) for name, suite in SUITES.items()} == table
    module = ast.parse((benchmark / "__init__.py").read_text())
    wanted = "grab_language_from_filename"
    function = next(node for node in module.body if getattr(node, "name", "") == wanted)
    names: dict[str, Callable[[str], str]] = {}
    exec(compile(ast.Module([function], []), "libero", "exec"), names)
    for suite in SUITES.values():
        for task in suite.tasks:
            assert language_from_task(task) == names[wanted](f"{task}.bddl")
