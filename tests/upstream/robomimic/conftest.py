"""The three robomimic forks as they are laid out by forkctl.

`patched` has the whole series. `pristine` is upstream's own code with nothing but the two patches
without which it cannot be imported offline, so that a test can show that it fails there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from forkctl.libero.schema import FileLayout
from tests.conftest import LAID_IN, alone, bring_up
from tests.driver import Fork, Workspace

HERE = Path(__file__).parent
IMPORTABLE = ("0006-lazy-language-model.yaml", "0007-lazy-imports-droid.yaml")
Forks = Callable[[str], Fork]


@pytest.fixture(scope="session")
def robomimic_python(python_of: Callable[[str], Path]) -> Path:
    """One environment serves all three."""
    return python_of("robomimic")


@pytest.fixture(scope="session")
def patched(real: Callable[..., Workspace], robomimic_python: Path) -> Forks:
    return lambda name: _fork(real(name), name, robomimic_python, pristine=False)


@pytest.fixture(scope="session")
def pristine(real: Callable[..., Workspace], shared: Path, robomimic_python: Path) -> Forks:
    workspace = real().beside("pristine")
    with alone(shared, "pristine") as first:
        if first:
            workspace.lay_in(*LAID_IN)
            for patch in (workspace.root / "patches" / "robomimic").iterdir():
                if patch.name not in IMPORTABLE:
                    patch.unlink()

    def find(name: str) -> Fork:
        with alone(shared, f"pristine-{name}") as first:
            if first:
                bring_up(workspace, name)
        return _fork(workspace, name, robomimic_python, pristine=True)

    return find


def _fork(workspace: Workspace, name: str, python: Path, pristine: bool) -> Fork:
    return Fork(workspace, name, python, HERE, {"fork": name, "pristine": pristine})


@pytest.fixture(scope="session")
def demos(synthetic: Callable[..., Path]) -> list[Path]:
    """Two small synthetic LIBERO files, raw."""
    return sorted(synthetic(tasks=2, demos=3, image_size=64).glob("*.hdf5"))


@pytest.fixture(scope="session")
def regenerated(synthetic: Callable[..., Path]) -> Path:
    """One synthetic file of the regenerated layout, which carries no attributes."""
    made = synthetic(tasks=1, demos=3, image_size=64, layout=FileLayout.REGENERATED)
    return next(made.glob("*.hdf5"))
