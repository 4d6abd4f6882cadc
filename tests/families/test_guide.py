"""docs/add-a-family.md, followed word for word: two families that forkctl has never seen."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.driver import Upstream, Workspace

GUIDE = (ROOT / "docs/add-a-family.md").read_text(encoding="utf-8")
ADDRESS, REVISION = "https://github.com/me/mine", "0" * 40


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """Each block of Python, under the name that its first line says."""
    return {block.partition("\n")[0].removeprefix("# "): block for block in blocks("python")}


@pytest.fixture
def workspace(
    workspace: Workspace, upstream: Upstream, libero: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """What a reader has at the end of the page. The repository is ours instead of theirs."""
    written = files()
    theirs = {name: text for name, text in written.items() if not name.startswith("families/")}
    workspace.pin = upstream.commit({**theirs, "src/mine/__init__.py": ""})
    tables = "\n".join(blocks("toml"))
    assert tables.count(ADDRESS) == tables.count(REVISION) == 2
    workspace.manifest(tables.replace(ADDRESS, upstream.url).replace(REVISION, workspace.pin))
    workspace.write({name: text for name, text in written.items() if name not in theirs})
    (config,) = blocks("json")
    workspace.write({"config.json": config})
    shutil.copytree(libero, workspace.root / "demos")
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    return workspace


def type_in(workspace: Workspace, commands: str) -> None:
    lines = [line.removeprefix("$ ") for line in commands.splitlines()]
    for command in " && ".join(lines).split(" && "):
        program, *words = shlex.split(command)
        assert program == "forkctl"
        workspace.ok(*words)


def metrics_of(workspace: Workspace, fork: str) -> list[dict[str, object]]:
    (path,) = workspace.root.glob(f"runs/{fork}/*/metrics.jsonl")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in each.items() if k != "time"} for each in found]


def test_a_script_described_in_forks_toml(workspace: Workspace) -> None:
    commands, _ = blocks("text")
    type_in(workspace, commands)
    (run,) = (workspace.root / "runs/mine").iterdir()
    kept = json.loads((run / "run.json").read_text())
    assert (kept["status"], kept["kind"], kept["steps"]) == ("finished", "script", 5)
    assert kept["environment"]["origins"]["mine"].endswith("mine/src/mine/__init__.py")
    found = metrics_of(workspace, "mine")
    assert found[0] == {"step": 1, "loss": 0.6667}, "the rate is the one of --set"
    assert found[-1] == {"step": 5, "loss": 0.2857, "split": "valid"}
    assert (run / "checkpoints/step-5.pt").read_text() == "5"

    (run / "run.json").write_text(json.dumps({**kept, "status": "failed"}))
    (run / "upstream/saved/step-5.pt").unlink()
    workspace.ok("runs", "resume", "last")
    words = json.loads((run / "run.json").read_text())["command"]
    assert words[-2:] == ["--resume", str(run / "upstream/saved/step-4.pt")]
    assert (run / "upstream/saved/step-5.pt").exists()


def test_a_family_in_python(workspace: Workspace) -> None:
    _, commands = blocks("text")
    type_in(workspace, commands)
    assert "2 files valid" in workspace.out
    (run,) = (workspace.root / "runs/yours").iterdir()
    kept = json.loads((run / "run.json").read_text())
    assert (kept["status"], kept["steps"], kept["name"]) == ("finished", 5, "libero_spatial")
    assert metrics_of(workspace, "yours")[-1] == {"step": 5, "loss": 0.6667}
    assert workspace.run("run", "yours", "yours.json", "--env", "current", "--set", "lr=-1") == 1
    assert "config: lr is -1" in workspace.out
    options = "\n[fork.yours.entrypoint.options]\nspeed = 1\n"
    manifest = workspace.root / "forks.toml"
    manifest.write_text(manifest.read_text() + options)
    assert workspace.run("run", "yours", "yours.json", "--env", "current") == 2
    assert "unknown key `speed` in [fork.yours.entrypoint.options]" in workspace.err


@pytest.mark.parametrize(
    ("kind", "written", "said"),
    [
        ("families/none", "", "there is no family here"),
        ("families/empty.py", "import os\n", "the file has no FAMILY"),
        ("families/broken.py", "import no_such_module\n", "No module named 'no_such_module'"),
        ("families/readme.md", "# text\n", "not a Python file"),
        ("../families/theirs", "", "contains an empty part, '.' or '..'"),
        ("scrypt", "", "there is no kind of fork 'scrypt'"),
    ],
)
def test_a_family_that_is_none_says_what_it_lacks(
    workspace: Workspace, kind: str, written: str, said: str
) -> None:
    manifest = workspace.root / "forks.toml"
    manifest.write_text(manifest.read_text().replace('"families/yours"', f'"{kind}"'))
    if written:
        workspace.write({kind: written})
    assert workspace.run("run", "yours", "config.json") in (1, 2)
    assert said in workspace.err


def test_the_table_names_the_keys_that_there_are(workspace: Workspace) -> None:
    from dataclasses import fields

    from forkctl.families.script.options import OWN, ScriptOptions

    section = GUIDE.split("### The keys")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    renamed = {"own": set(OWN), "settings": {"set"}, "data_form": {"libero"}}
    known = [renamed.get(each.name, {each.name}) for each in fields(ScriptOptions)]
    assert named == set().union(*known)
