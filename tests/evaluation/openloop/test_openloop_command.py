"""The whole way: a policy that learns from images, in a process of its own, through the command."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from forkctl.cli import main
from tests import ROOT

pytestmark = pytest.mark.slow

POLICY = Path(__file__).with_name("nearest_policy.py")


@pytest.fixture
def openloop(demos, tmp_path, capsys):
    """`openloop(**training)` -> the JSON of an evaluation of a policy trained like that."""

    def run(*words: str, code: int = 0, name: str = "model", **training):
        checkpoint = tmp_path / f"{name}.json"
        content = json.dumps({"data": str(demos), **training})
        if not checkpoint.exists() or checkpoint.read_text() != content:
            checkpoint.write_text(content)
        argv = ["eval", "openloop", "--policy", str(POLICY), "--ckpt", str(checkpoint)]
        argv += ["--data", str(demos), "--episodes", "last:3", "--out", str(tmp_path / "out")]
        assert main([*argv, "--probes", "4", "--json", *words]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if code == 0 else said.err

    return run


def faults(result, arm="policy"):
    return {v["name"] for v in result["arms"][arm]["verdicts"] if v["kind"] == "fault"}


def value(result, metric, column="motion", arm="policy"):
    return result["arms"][arm]["metrics"][metric][column][0]


def test_a_policy_that_learned_is_told_from_the_trivial_ones(openloop):
    result = openloop()
    assert faults(result) == set()
    assert "learned" in {v["name"] for v in result["arms"]["policy"]["verdicts"]}
    assert value(result, "dir_cond") > 0.6
    assert value(result, "skill_mean") > 0.1
    assert set(result["trivial"]) == {"zero", "mean", "random", "previous"}
    assert result["trivial"]["zero"]["abstain"]["motion"][0] == 1
    assert len(result["arms"]["policy"]["l1_norm_by_offset"]) == 3
    assert result["arms"]["policy"]["episodes"] == 6
    assert len(result["arms"]["policy"]["tasks"]) == 2


def test_images_that_were_turned_in_training_only(openloop, tmp_path):
    assert faults(openloop(trained_upright=True)) == {"image-not-rotated"}
    again = openloop("--out", str(tmp_path / "other"), trained_upright=True, declares_upright=True)
    assert faults(again) == set()


def test_images_that_are_turned_in_evaluation_only(openloop):
    assert faults(openloop(declares_upright=True)) == {"image-not-rotated"}


def test_observations_that_lag_behind(openloop):
    result = openloop(late=3)
    assert faults(result) == {"misaligned-observations"}


def test_base_and_fine_tuned_in_one_call(openloop, demos, tmp_path):
    base = tmp_path / "base.json"
    base.write_text(json.dumps({"data": str(demos), "factor": [1, -1, 1, 1, 1, 1, 1]}))
    result = openloop("--base", str(base))
    assert list(result["arms"]) == ["fine-tuned", "base"]
    assert faults(result, "fine-tuned") == set()
    assert faults(result, "base") == {"inverted-axis"}
    gain, low, _ = result["difference"]["dir_cond"]["motion"]
    assert gain == pytest.approx(
        value(result, "dir_cond", arm="fine-tuned") - value(result, "dir_cond", arm="base"),
        abs=2e-6,
    )
    assert low > 0
    assert result["difference"]["l1_norm"]["z"][0] == 0


def test_a_stopped_evaluation_goes_on_where_it_was(openloop, tmp_path):
    record = tmp_path / "out" / "predictions.jsonl"
    whole = openloop()
    content = record.read_bytes()
    lines = content.splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:4]) + lines[4][:50])
    resumed = openloop()
    assert resumed == whole
    assert record.read_bytes() == content


def test_a_finished_record_needs_no_policy(openloop, monkeypatch):
    whole = openloop()
    started = []
    monkeypatch.setattr("subprocess.Popen", lambda *words, **_: started.append(words))
    assert openloop() == whole
    assert started == []


def test_another_policy_is_not_mixed_into_a_record(openloop, tmp_path):
    openloop("--max-steps", "5", "--probes", "0")
    before = (tmp_path / "out" / "predictions.jsonl").read_bytes()
    assert b'"device":"cpu"' in before
    assert "<dt>device</dt><dd>cpu</dd>" in (tmp_path / "out" / "report.html").read_text()
    error = openloop("--max-steps", "5", "--probes", "0", code=1, factor=2.0)
    assert "another policies" in error
    assert (tmp_path / "out" / "predictions.jsonl").read_bytes() == before


def test_a_failure_keeps_what_was_predicted_and_says_what_happened(openloop):
    error = openloop(code=1, fails=True)
    assert "RuntimeError: no kernel image is available" in error
    assert "hint:" in error


class Page(HTMLParser):
    """Collects what a page asks the network for, and whether its tags are balanced."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.images: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_report_is_one_file_with_everything_in_it(openloop, tmp_path):
    html = tmp_path / "paper" / "appendix.html"
    openloop("--html", str(html), factor=[1, 1, -1, 1, 1, 1, 1])
    text = html.read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert not page.tags & {"script", "link", "iframe"}
    assert not re.search(r"(?:src|href)=[\"'](?!data:)|url\(", text)
    assert len(page.images) == 3 * 8
    assert all(image.startswith("data:image/jpeg;base64,") for image in page.images)
    words = " ".join(page.words)
    assert "inverted-axis" in words
    assert "pick up the black bowl" in words
    assert text.count("<svg") >= 7 + 7 + 1 + 3
    assert "nan" not in re.findall(r'(?:points|d|x|y|width|height)="([^"]*)"', text)


def test_a_report_can_be_written_again_from_the_record_alone(openloop, tmp_path, capsys):
    whole = openloop()
    first = (tmp_path / "out" / "report.html").read_text()
    (tmp_path / "out" / "report.html").unlink()
    assert main(["eval", "report", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == whole
    assert (tmp_path / "out" / "report.html").read_text() == first


def test_the_terminal_shows_verdicts_and_where_things_lie(demos, tmp_path, capsys):
    argv = ["eval", "openloop", "baseline:zero", "--data", str(demos), "--out", str(tmp_path)]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert "constant-zero" in said
    assert str(tmp_path / "report.html") in said
    assert "previous" in said


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("zero", "constant-zero"),
        ("mean", "constant-mean"),
        ("random", "random"),
        ("previous", "misaligned-observations"),
        ("replay", "knows-the-truth"),
    ],
)
def test_every_baseline_is_called_what_it_is(demos, tmp_path, capsys, name, verdict):
    argv = ["eval", "openloop", f"baseline:{name}", "--data", str(demos), "--out", str(tmp_path)]
    assert main([*argv, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert verdict in {v["name"] for v in result["arms"][f"baseline:{name}"]["verdicts"]}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "name either a fork or a policy file"),
        (["baseline:best"], 2, "no baseline 'best'"),
        (["robomimic"], 2, "no checkpoint to evaluate"),
        (["--policy", str(POLICY), "robomimic"], 2, "either a fork or a policy file"),
        (["baseline:zero", "--episodes", "some"], 2, "does not say which episodes"),
        (["baseline:zero", "--stats", "nowhere.json"], 1, "cannot read statistics"),
        (["baseline:zero", "--dead-zone", "0.0001"], 1, "half a bin"),
    ],
)
def test_mistakes_are_told_in_words(demos, capsys, words, code, message):
    assert main(["eval", "openloop", *words, "--data", str(demos)]) == code
    assert message in capsys.readouterr().err


def test_a_fork_that_is_not_ready_says_what_to_type(demos, tmp_path, monkeypatch, capsys):
    root = ROOT
    shutil.copy(root / "forks.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    argv = ["eval", "openloop", "robomimic", "--ckpt", "last.pth", "--data", str(demos)]
    assert main(argv) == 1
    assert "forkctl sync robomimic" in capsys.readouterr().err
    assert main([*argv[:2], "--policy", str(POLICY), *argv[3:]]) == 1
    assert "there is no such file or folder" in capsys.readouterr().err
