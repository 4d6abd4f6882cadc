"""What only LIBERO's simulator can show: the World, the expert, and its demonstrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest_simulation import SimulatorLab

from forkctl.libero.suites import file_name_from_task, get_suite

HERE = Path(__file__).parent
TASK = 5  # on the ramekin: the shortest
pytestmark = [pytest.mark.upstream, pytest.mark.slow]
