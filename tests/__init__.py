"""What must be settled before anything else is imported."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# For this process and all that it starts: threads that spin cost more than they bring in tests.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
# Hundreds of processes import the same packages, which are compiled once, whatever the machine
# says, and nowhere in the folders under test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(ROOT / ".pytest_cache" / "bytecode")
sys.dont_write_bytecode = False
# helpers assert too
HELPERS = ("commands", "driver", "standin", "evaluation", "libero", "patching", "upstream")
pytest.register_assert_rewrite(*(f"tests.{name}" for name in HELPERS))
