"""What only LIBERO's simulator can show: the World, the expert, and its demonstrations."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
TASK = 5  # on the ramekin: the shortest
pytestmark = [pytest.mark.upstream, pytest.mark.slow]
