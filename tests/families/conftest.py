"""The small script, laid out as the fork `mine`."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_script import FILES, describe
from workbench import Bench, Upstream


@pytest.fixture
def mine(bench: Bench, upstream: Upstream) -> Bench:
    bench.pin = upstream.commit(FILES)
    describe(bench, upstream)
    bench.write(
        {
            "envs/cpu.txt": "# our own Python runs the tests\n",
            "config.yaml": "# the rate that worked\nlr: 0.1\nnet: {widths: [1, 2]}\n",
        }
    )
    bench.ok("sync")
    bench.ok("apply")
    return bench


@pytest.fixture(scope="session")
def libero(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small files of libero_spatial, in a folder of the suite's name."""
    from forkctl.libero.schema import Layout
    from forkctl.libero.synth import SynthOptions, write_suite

    folder = tmp_path_factory.mktemp("data") / "libero_spatial"
    options = SynthOptions(layout=Layout.RAW, demos=2, image_size=32)
    list(write_suite(folder, "libero_spatial", options, 2, 1))
    return folder
