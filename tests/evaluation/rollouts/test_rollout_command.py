"""The whole way, with real processes: the command, a policy, worlds, the record and the report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from forkctl import __version__
from forkctl.cli import main
from forkctl.evaluation.rollouts.outcomes import EpisodeOutcome
from forkctl.evaluation.rollouts.remote_world import LIBERO_WORLD, WorldOptions
from forkctl.evaluation.rollouts.summary import RolloutSummary
from forkctl.libero.suites import get_suite
from tests.driver import Workspace
from tests.evaluation.rollouts.rollout_support import POLICY, WORLD, episodes, lines_of

pytestmark = pytest.mark.slow

TASKS = get_suite("libero_spatial").tasks
RECORD = Path("out/episodes.jsonl")


def test_a_policy_that_can_do_it_is_seen_to(rollout):
    found = rollout("--tasks", "0,1", "--trials", "6", "--jobs", "2")
    assert found["overall"]["successes"] == found["overall"]["trials"] == 12
    assert list(found["tasks"]) == list(TASKS[:2])
    assert found["overall"]["low"] == pytest.approx(0.7575, abs=1e-4)
    assert found["missing"] == found["errors"] == []
    assert {line["init_state"] for line in lines_of(RECORD)} == set(range(6))
    assert found["published"][2]["percent"] == 84.7


def test_jobs_and_order_change_no_result(rollout):
    rollout("--tasks", "0,1,2", "--trials", "8", skill=0.6)
    rollout("--tasks", "2,0,1", "--trials", "8", "--jobs", "3", out="other", skill=0.6)
    alone, together = episodes(RECORD), episodes(Path("other/episodes.jsonl"))
    assert alone == together
    assert {line["outcome"] for line in alone.values()} == {"success", "failure"}


def test_the_floor_is_zero(rollout, capsys):
    words = ["eval", "rollout", "baseline:zero", "--world", str(WORLD), "--suite", "libero_goal"]
    assert main([*words, "--tasks", "0", "--trials", "3", "--out", "zero", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["overall"]["successes"] == 0
    assert {line["steps"] for line in lines_of(Path("zero/episodes.jsonl"))} == {300}


def test_more_trials_are_added_and_nothing_is_played_twice(rollout, monkeypatch, tmp_path):
    rollout("--tasks", "0", "--trials", "3")
    before = RECORD.read_bytes()
    monkeypatch.setenv("POINT_WORLD_LOG", str(tmp_path / "log"))
    found = rollout("--tasks", "0,1", "--trials", "5")
    assert found["overall"]["trials"] == 10
    assert RECORD.read_bytes().startswith(before)
    resets = [line for line in (tmp_path / "log").read_text().splitlines() if "reset" in line]
    assert len(resets) == 7
    monkeypatch.setattr("subprocess.Popen", None)  # a finished one starts nothing
    assert rollout("--tasks", "0,1", "--trials", "5") == found


def test_a_torn_line_is_played_again(rollout):
    rollout("--tasks", "0", "--trials", "4", skill=0.5)
    whole = RECORD.read_bytes()
    RECORD.write_bytes(whole[:-30])
    rollout("--tasks", "0", "--trials", "4", skill=0.5)
    assert [line["trial"] for line in lines_of(RECORD)] == [0, 1, 2, 3]


def test_another_policy_or_protocol_is_not_mixed_in(rollout):
    rollout("--tasks", "0", "--trials", "2")
    before = RECORD.read_bytes()
    assert "another policy" in rollout("--tasks", "0", "--trials", "2", code=1, skill=0.5)
    assert "another horizon" in rollout("--tasks", "0", "--horizon", "2", code=1)
    assert RECORD.read_bytes() == before


def test_a_policy_is_told_its_options_and_the_record_is_bound_to_them(rollout):
    words = ["--tasks", "0", "--trials", "2", "--policy-option"]
    assert rollout(*words, "skill=0")["overall"]["successes"] == 0
    assert "another policy" in rollout(*words, "skill=1", code=1)
    assert "'skill'; expected NAME=VALUE" in rollout(*words, "skill", code=2)


def test_a_policy_of_ones_own_may_need_no_checkpoint(rollout, tmp_path, capsys):
    policy = tmp_path / "policy.py"
    text = POLICY.read_text().replace(
        "json.loads(Path(checkpoint).read_text())", "checkpoint or {}"
    )
    policy.write_text(text)
    words = ["eval", "rollout", "--policy", str(policy), "--world", str(WORLD), "--json"]
    assert main([*words, "--suite", "libero_goal", "--tasks", "0", "--trials", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["overall"]["rate"] == 1.0
    assert set(found["setup"]["policy"]) == {"policy", "policy_sha256", "options"}


def test_exceptions_are_counted_apart_and_can_be_tried_again(rollout, monkeypatch):
    monkeypatch.setenv("POINT_WORLD_BREAKS", "1 3")
    found = rollout("--tasks", "0", "--trials", "6")
    assert (found["overall"]["trials"], found["overall"]["errors"]) == (4, 2)
    assert found["overall"]["rate"] == 1.0
    assert [trial for _, trial, _ in found["errors"]] == [1, 3]
    assert "fell off the edge of the world" in found["errors"][0][2]
    assert any("2 episodes ended in an error" in note for note in found["notes"])
    monkeypatch.delenv("POINT_WORLD_BREAKS")
    assert rollout("--tasks", "0", "--trials", "6")["overall"]["errors"] == 2
    again = rollout("--tasks", "0", "--trials", "6", "--retry-errors")
    assert (again["overall"]["trials"], again["overall"]["errors"]) == (6, 0)
    assert len(lines_of(RECORD)) == 8  # nothing was taken away


def test_a_policy_that_gives_no_action_has_failed(rollout):
    found = rollout("--tasks", "0", "--trials", "10", answers="nan above 2")
    overall = found["overall"]
    assert (overall["successes"], overall["trials"], overall["errors"]) == (3, 10, 0)
    assert (overall["rate"], overall["policy_errors"]) == (0.3, 7)
    assert overall["rate_without_policy_errors"] == 1.0
    assert "not finite" in found["errors"][0][2]
    assert (
        "in 7 episodes the policy gave no action: failures; without them it would be 100.0 %"
        in (found["notes"])
    )
    again = rollout("--tasks", "0", "--trials", "10", "--retry-errors", answers="nan above 2")
    assert again == found, "it would give none again"


def test_errors_alone_are_no_success(rollout, monkeypatch):
    monkeypatch.setenv("POINT_WORLD_BREAKS", "0 1")
    rollout("--tasks", "0", "--trials", "2", code=1)
    assert {line["outcome"] for line in lines_of(RECORD)} == {"error"}
    assert main(["eval", "report", "out"]) == 1


def test_errors_without_end_stop_the_evaluation(rollout, monkeypatch):
    monkeypatch.setenv("POINT_WORLD_BREAKS", " ".join(map(str, range(50))))
    said = rollout("--tasks", "0", "--trials", "50", code=1)
    assert "5 episodes in a row" in said
    assert "--retry-errors" in said
    assert len(lines_of(RECORD)) == 5


def test_a_policy_that_fails_stops_it_and_is_no_episodes_fault(rollout):
    said = rollout("--tasks", "0", "--trials", "4", "--jobs", "2", code=1, answers="nothing")
    assert "RuntimeError: out of memory" in said
    assert lines_of(RECORD) == []


def test_shards_merge_into_what_one_run_gives(rollout, capsys):
    words = ["--tasks", "0,1", "--trials", "5"]
    whole = rollout(*words, out="whole", skill=0.6)
    for number in (1, 2, 3):
        part = rollout(*words, "--shard", f"{number}/3", out="parts", skill=0.6)
        assert part["missing"] == []
    assert main(["eval", "merge", "parts", "--out", "merged", "--json"]) == 0
    merged = json.loads(capsys.readouterr().out)
    assert merged == whole
    assert episodes(Path("merged/episodes.jsonl")) == episodes(Path("whole/episodes.jsonl"))
    assert main(["eval", "merge", "parts", "merged", "--out", "merged", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == merged
    assert len(lines_of(Path("merged/episodes.jsonl"))) == 10


def test_a_shard_that_is_missing_is_told(rollout, capsys):
    for number in (1, 3):
        rollout("--tasks", "0,1", "--trials", "4", "--shard", f"{number}/3", out="parts")
    assert main(["eval", "merge", "parts", "--out", "merged"]) == 0
    assert "3 episodes are not played yet" in capsys.readouterr().out


def test_records_that_do_not_belong_together_are_refused(rollout, capsys):
    rollout("--tasks", "0", "--trials", "2", out="one")
    rollout("--tasks", "0", "--trials", "2", "--max-steps", "9", out="two")
    assert main(["eval", "merge", "one", "two", "--out", "merged"]) == 1
    assert "another max_steps" in capsys.readouterr().err
    other = Path("one/episodes-2of2.jsonl")
    other.write_text(Path("one/episodes.jsonl").read_text().replace("success", "failure"))
    assert main(["eval", "merge", "one", "--out", "merged"]) == 1
    assert "ended differently" in capsys.readouterr().err
    assert not Path("merged").exists()


def test_machines_differ_in_where_a_checkpoint_lies(rollout, capsys):
    rollout("--tasks", "0", "--trials", "4", "--shard", "1/2", out="parts")
    rollout("--tasks", "0", "--trials", "4", "--shard", "2/2", out="parts")
    second = Path("parts/episodes-2of2.jsonl")
    header, *lines = second.read_text().splitlines()
    moved = json.loads(header)
    moved["setup"]["policy"]["checkpoint"] = "/scratch/point.json"
    second.write_text("\n".join([json.dumps(moved), *lines]) + "\n")
    assert main(["eval", "merge", "parts", "--out", "merged", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["trials"] == 4


def test_another_checkpoint_of_the_same_name_and_size_is_refused(rollout, capsys, tmp_path):
    rollout("--tasks", "0", "--trials", "2", out="one", skill=1)
    rollout("--tasks", "1", "--trials", "2", out="two", skill=0)
    assert main(["eval", "merge", "one", "two", "--out", "merged"]) == 1
    assert "another policy" in capsys.readouterr().err
    assert not Path("merged").exists()


def test_a_checkpoint_that_was_touched_or_copied_is_the_same_one(rollout, tmp_path):
    rollout("--tasks", "0", "--trials", "1")
    os.utime(tmp_path / "point.json", (1, 1))
    assert rollout("--tasks", "0", "--trials", "2")["overall"]["trials"] == 2


def test_a_record_says_which_code_it_was_made_by(rollout, monkeypatch):
    found = rollout("--tasks", "0", "--trials", "1")
    setup = found["setup"]
    assert setup["forkctl"].startswith(f"{__version__}+")
    assert {"policy_sha256", "sha256"} <= set(setup["policy"])
    assert setup["world"]["kind_sha256"]
    monkeypatch.setattr("forkctl.evaluation.rollouts.rollout.forkctl_code", lambda: "9")
    assert "another forkctl" in rollout("--tasks", "0", "--trials", "2", code=1)


def test_videos_say_task_trial_and_outcome(rollout):
    import av
    import cv2

    rollout("--tasks", "0", "--trials", "4", "--record-video", skill=0.5)
    outcomes = {line["trial"]: line for line in lines_of(RECORD)}
    videos = sorted(Path("out/videos").iterdir())
    assert [video.name for video in videos] == [
        f"{TASKS[0]}--{trial:03d}--{outcomes[trial]['outcome']}.mp4" for trial in range(4)
    ]
    page = Path("out/rollout.html").read_text()
    for video in videos:
        assert f"<a href='videos/{video.name}'>" in page
    with av.open(str(videos[0])) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == (
            "h264",
            "yuv420p",
        )  # as browsers play
    capture = cv2.VideoCapture(str(videos[0]))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == outcomes[0]["steps"] + 1
    _, frame = capture.read()
    assert frame[:4, :4].sum() > frame[-4:, -4:].sum()  # upright


def test_videos_of_failures_only(rollout):
    rollout(
        "--tasks", "0", "--trials", "8", "--record-failures", "--video-dir", "elsewhere", skill=0.6
    )
    assert "<a href='../elsewhere/" in Path("out/rollout.html").read_text()
    failed = [line["trial"] for line in lines_of(RECORD) if line["outcome"] == "failure"]
    videos = sorted(video.name for video in Path("elsewhere").iterdir())
    assert 0 < len(failed) < 8
    assert videos == [f"{TASKS[0]}--{trial:03d}--failure.mp4" for trial in failed]


def test_nothing_is_rendered_for_a_policy_without_eyes(rollout, monkeypatch, tmp_path):
    monkeypatch.setenv("POINT_WORLD_LOG", str(tmp_path / "log"))
    rollout("--tasks", "0", "--trials", "1")
    assert "agentview" not in (tmp_path / "log").read_text()


def test_a_policy_takes_a_gpu_where_there_is_one_and_the_record_says_so(
    rollout, monkeypatch, tmp_path
):
    words = ["--tasks", "0", "--trials", "1"]
    assert rollout(*words)["devices"] == ["cpu"]
    torch = tmp_path / "torch"  # one that sees a GPU
    torch.mkdir()
    (torch / "__init__.py").write_text("class cuda:\n    is_available = staticmethod(lambda: True)")
    policy = tmp_path / "policy.py"
    check = "    assert device == 'cuda'\n    said = "
    policy.write_text(POLICY.read_text().replace("    said = ", check, 1))
    monkeypatch.setattr("tests.evaluation.rollouts.conftest.POLICY", policy)
    assert rollout(*words, out="gpu")["devices"] == ["cuda"]
    assert {line["device"] for line in lines_of(Path("gpu/episodes.jsonl"))} == {"cuda"}
    assert "cuda" in Path("gpu/rollout.html").read_text()


def test_frames_are_as_large_as_in_training_unless_asked_otherwise(rollout):
    eyes = {"observations": ["ee_pos", "goal", "agentview_rgb"]}
    words = ["--tasks", "0", "--trials", "1"]
    (world,) = rollout(*words, out="plain", **eyes)["simulators"]
    assert world == {"point": "1", "frames": "128 px"}
    found = rollout(*words, out="trained", frame_size=256, **eyes)
    assert found["simulators"] == [
        {"point": "1", "frames": "256 px", "frames in training": "256 px"}
    ]
    assert not any("frames" in each for each in found["departures"])
    found = rollout(*words, "--image-size", "128", out="asked", frame_size=256, **eyes)
    assert found["simulators"][0]["frames"] == "128 px"
    assert "frames of 128 px, in training 256 px" in found["departures"]


def test_a_protocol_of_ones_own_is_said_above_the_rates(rollout, capsys):
    words = ["--tasks", "0", "--trials", "2", "--max-steps", "99", "--settle", "0"]
    said = "; ".join(rollout(*words, "--no-reflections")["departures"])
    for part in (
        "1 of 10 tasks",
        "2 trials of a task, not 50",
        "at most 99 steps, not 220",
        "0 steps at rest, not 10",
        "no reflections",
        "not LIBERO's simulator",
    ):
        assert part in said
    assert main(["eval", "report", "out"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"NOT THE BENCHMARK'S PROTOCOL: {said}\n")
    assert "class='banner'" in Path("out/rollout.html").read_text()


def test_the_benchmarks_own_protocol_has_no_banner():
    suite = get_suite("libero_spatial")
    world = {"kind": LIBERO_WORLD, **asdict(WorldOptions())}
    setup = {"label": "a", "suite": suite.name, "start": "init states", "world": world}
    setup |= {"max_steps": suite.max_steps, "horizon": None, "seed": 0}
    results = tuple(
        EpisodeOutcome(task, trial, trial, 0, "success", 9, None, {}, 1.0)
        for task in suite.tasks
        for trial in range(50)
    )
    assert RolloutSummary(setup, results, ()).departures == ()
    (one_less,) = RolloutSummary(setup, results[1:], ()).departures
    assert one_less == "49 trials of a task, not 50"


def test_the_report_stands_alone_and_says_what_matters(rollout, monkeypatch):
    monkeypatch.setenv("POINT_WORLD_BREAKS", "1")
    rollout("--tasks", "0", "--trials", "3", "--html", "paper/report.html")
    text = Path("paper/report.html").read_text()
    assert main(["eval", "report", "out", "--html", "again.html"]) == 0
    assert Path("again.html").read_text() == text
    for words in ("84.7 %", "fell off the edge", "Wilson", "at most 220 steps after 10 at rest"):
        assert words in text
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(rollout, tmp_path):
    """A few kills; tests/e2e/rollout_kills.py does twenty, with LIBERO's simulator if wanted."""
    rollout("--tasks", "0,1", "--trials", "10", out="whole", skill=0.6)
    command = [
        *("eval", "rollout", "--policy", str(POLICY), "--ckpt", str(tmp_path / "point.json")),
        *("--world", str(WORLD), "--suite", "libero_spatial", "--tasks", "0,1", "--trials", "10"),
        *("--jobs", "2", "--out", "out"),
    ]
    workspace = Workspace(tmp_path)
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        known = len(lines_of(RECORD)) if RECORD.exists() else 0
        process = workspace.start(*command, output=subprocess.DEVNULL, POINT_WORLD_DELAY="0.01")
        while process.poll() is None and known + 3 > (
            RECORD.read_bytes().count(b"\n") - 1 if RECORD.exists() else 0
        ):
            time.sleep(0.005)
        assert process.poll() is None, "it should still have been running"
        process.send_signal(how)
        assert process.wait(30) != 0
    assert len(lines_of(RECORD)) < 20
    assert rollout("--tasks", "0,1", "--trials", "10", skill=0.6)["overall"]["trials"] == 20
    assert episodes(RECORD) == episodes(Path("whole/episodes.jsonl"))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "name either a fork or a policy file"),
        (["baseline:mean"], 2, "no baseline"),
        (["robomimic", "--suite", "libero_spatial"], 2, "no checkpoint to evaluate"),
        (["baseline:zero"], 2, "--suite is missing"),
        (["baseline:zero", "--suite", "libero"], 1, "no LIBERO suite"),
        (["baseline:zero", "--suite", "libero_goal", "--tasks", "99"], 2, "no task"),
        (["baseline:zero", "--suite", "libero_goal", "--world", "w.py"], 2, "no world 'w.py'"),
        (["baseline:zero", "--suite", "libero_goal", "--shard", "3/2"], 2, "not a shard"),
        (["baseline:zero", "--suite", "libero_goal", "--data", "."], 2, "is for baseline:replay"),
        (["baseline:expert", "--suite", "libero_goal"], 2, "(opening a drawer)"),
        (["baseline:expert", "--suite", "libero_goal", "--world", "w"], 2, "leave --world out"),
        (["baseline:expert", "--suite", "libero_10", "--tasks", "0"], 2, "several steps"),
        (["baseline:replay", "--suite", "libero_goal"], 2, "baseline:replay needs --data"),
    ],
)
def test_mistakes_are_told_in_words(tmp_path, monkeypatch, capsys, words, code, message):
    monkeypatch.chdir(tmp_path)
    assert main(["eval", "rollout", *words]) == code
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
