"""Skill conditioning in the two forks that have a diffusion policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.upstream.robomimic.conftest import Forks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vae(patched: Forks, demos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vae") / "vae.pth"
    done = patched("robomimic").run(
        *("-m", "robomimic.forkctl_ext.train_skill_vae", "--data", *map(str, demos)),
        *("--out", str(out), "--latent-dim", "8", "--steps", "60", "--batch-size", "16"),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = (
        done.stdout.splitlines()[-1].split("pixel error ")[1].split(";")[0].split(" -> ")
    )
    assert float(after) < 0.5 * float(before), "it learns to draw the goal"
    return out


@pytest.fixture(scope="module", params=["robomimic", "droid"])
def found(
    request: pytest.FixtureRequest,
    patched: Forks,
    demos: list[Path],
    vae: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    return patched(request.param).probe(
        "probe_skill", data=demos[:1], vae=vae, scratch=tmp_path_factory.mktemp("skill")
    )


def test_the_latent_widens_the_condition_and_keeps_what_was_learned(found: dict[str, Any]) -> None:
    assert found["wider"] == found["latents"] == 8
    assert found["loss_difference_at_start"] < 1e-5, "new columns start at zero"
    assert found["columns_learn"] > 0


def test_the_encoder_is_frozen_and_no_part_of_the_policy(found: dict[str, Any]) -> None:
    assert found["vae_unchanged"] and not found["vae_in_nets"]


def test_the_goal_is_the_demonstrations_last_frame_and_matters(found: dict[str, Any]) -> None:
    assert found["goal_is_last_frame"]
    assert found["goal_matters"] > 1e-6
    assert "hdf5_cache_mode" in found["without_goals"]
