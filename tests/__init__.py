from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# helpers assert too; pytest must hear of them before they are imported
HELPERS = ("commands", "driver", "standin", "evaluation", "libero", "patching", "upstream")
pytest.register_assert_rewrite(*(f"tests.{name}" for name in HELPERS))
