"""forkctl against `git clone` + `git am`, kas and west, paired in one run: CPU seconds.

    python benchmarks/fork_manager.py [--rounds 5]

Three real upstreams are mirrored once beside the measurements, so that no network is measured.
Fifteen small patches are made from them (five each) and kept by every tool in its own way: forkctl
and `git am` take the same files, kas takes them too, west has no patches. kas and west are
installed from the package index into environments of their own. In each round every tool does the
same things, one after the other, and the medians are compared; CPU seconds count all processes.
Last, 200 patches on one made-up file of 6,000 lines, by forkctl and by `git am`.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
UPSTREAMS = {
    "openvla": (
        "https://github.com/openvla/openvla",
        "c8f03f48af692657d3060c19588038c7220e9af9",
    ),
    "rdt": (
        "https://github.com/thu-ml/RoboticsDiffusionTransformer",
        "deb71d82278780d83253a28d9b904085559be400",
    ),
    "droid": (
        "https://github.com/droid-dataset/droid_policy_learning",
        "9a29c832b4c81bf38401111f5e4cdddaca217581",
    ),
}
PATCHES_EACH = 5
LONG_SERIES = 200
KAS, WEST = "kas==5.5", "west==1.5"


class Yard:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.mirrors, self.patches = root / "mirrors", root / "patches"
        identity = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", "bench"), ("EMAIL", "bench@localhost"))
        }
        self.env = {
            **os.environ,
            **identity,
            "PYTHONPATH": str(ROOT),
            "FORKCTL_CACHE": str(root / "cache"),
            "HOME": str(root / "home"),
            # compiled once, as an installed package is
            "PYTHONPYCACHEPREFIX": str(root / "compiled"),
        }
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        (root / "home").mkdir(parents=True)

    def run(self, *argv: object, cwd: Path | None = None, check: bool = True) -> str:
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=cwd or self.root,
            env=self.env,
            capture_output=True,
            text=True,
        )
        if check and done.returncode:
            raise SystemExit(f"{argv}: {done.stdout}{done.stderr}")
        return done.stdout

    def cpu(self, steps: Callable[[], object]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        steps()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def mirror(yard: Yard) -> None:
    """With the user's own git settings: they may know a nearer place."""
    yard.mirrors.mkdir()
    for name, (url, pin) in UPSTREAMS.items():
        target = yard.mirrors / f"{name}.git"
        full = subprocess.run(
            ["git", "clone", "--quiet", "--mirror", url, target], capture_output=True
        )
        if full.returncode:
            print(f"{name}: the history cannot be had here; the pin alone", file=sys.stderr)
            yard.run("git", "init", "--quiet", "--bare", "--initial-branch=main", target)
            fetch = ["git", "-C", target, "fetch", "--quiet", "--depth=1", url, f"{pin}:main"]
            subprocess.run(fetch, check=True)
        for key in ("allowFilter", "allowAnySHA1InWant"):
            yard.run("git", "-C", target, "config", f"uploadpack.{key}", "true")


def make_patches(yard: Yard) -> None:
    """A comment at the top of five Python files each: the content is not what is measured."""
    for name, (_, pin) in UPSTREAMS.items():
        work, out = yard.root / "scratch" / name, yard.patches / name
        out.mkdir(parents=True)
        yard.run("git", "clone", "--quiet", yard.mirrors / f"{name}.git", work)
        yard.run("git", "checkout", "--quiet", "-B", "edit", pin, cwd=work)
        files = yard.run("git", "ls-files", "*.py", cwd=work).splitlines()
        for number, file in enumerate(files[:: len(files) // PATCHES_EACH][:PATCHES_EACH], start=1):
            path = work / file
            path.write_text(f"# patch {number}\n" + path.read_text())
            yard.run("git", "commit", "--quiet", "-am", f"Patch {number}", cwd=work)
        yard.run("git", "format-patch", "--quiet", "-o", out, pin, cwd=work)


def cold(yard: Yard, *places: Path) -> None:
    for place in places:
        shutil.rmtree(place, ignore_errors=True)


class Git:
    name = "git clone + git am"

    def __init__(self, yard: Yard) -> None:
        self.yard, self.place = yard, yard.root / "git"

    def forget(self) -> None:
        cold(self.yard, self.place)

    def work(self) -> None:
        for name, (_, pin) in UPSTREAMS.items():
            tree = self.place / name
            mirror = f"file://{self.yard.mirrors}/{name}.git"
            self.yard.run("git", "clone", "--quiet", "--no-checkout", mirror, tree)
            self.yard.run("git", "checkout", "--quiet", "--detach", pin, cwd=tree)
            mails = sorted((self.yard.patches / name).iterdir())
            self.yard.run("git", "am", "--quiet", "-3", *mails, cwd=tree)


class Forkctl:
    name = "forkctl"

    def __init__(self, yard: Yard) -> None:
        self.yard, self.place = yard, yard.root / "forkctl"
        self.place.mkdir()
        shutil.copytree(yard.patches, self.place / "patches")
        entries = ["version = 1"]
        for name, (_, pin) in UPSTREAMS.items():
            entries += [
                f"[fork.{name}]",
                f'git = "file://{yard.mirrors}/{name}.git"',
                f'revision = "{pin}"',
                f'series = ["{name}"]',
            ]
        (self.place / "forks.toml").write_text("\n".join(entries))

    def forget(self) -> None:
        cold(self.yard, self.place / "forks", self.yard.root / "cache")

    def forget_trees(self) -> None:
        cold(self.yard, self.place / "forks")

    def work(self) -> None:
        for verb in ("sync", "apply"):
            self.yard.run(sys.executable, "-m", "forkctl", verb, cwd=self.place)

    def version(self) -> None:
        self.yard.run(sys.executable, "-m", "forkctl", "--version", cwd=self.place)


class Kas:
    name = KAS.replace("==", " ")

    def __init__(self, yard: Yard, python: Path) -> None:
        self.yard, self.place = yard, yard.root / "kas"
        self.place.mkdir()
        self.kas = python.with_name("kas")
        lines = ["header:", "  version: 14", "repos:", "  this:"]
        for name, (_, pin) in UPSTREAMS.items():
            lines += [f"  {name}:", f"    url: file://{yard.mirrors}/{name}.git"]
            lines += [f"    commit: {pin}", f"    path: trees/{name}", "    patches:"]
            for patch in sorted((yard.patches / name).iterdir()):
                lines += [f"      {patch.stem}:", "        repo: this"]
                lines += [f"        path: patches/{name}/{patch.name}"]
        (self.place / "kas.yml").write_text("\n".join(lines) + "\n")
        shutil.copytree(yard.patches, self.place / "patches")
        yard.run("git", "init", "--quiet", cwd=self.place)

    def forget(self) -> None:
        cold(self.yard, self.place / "trees")

    def work(self) -> None:
        # its last two steps prepare a Yocto build, which does not concern us
        skip = ("--skip", "setup_environ", "--skip", "write_bbconfig")
        self.yard.run(self.kas, "checkout", *skip, "kas.yml", cwd=self.place)


class West:
    name = WEST.replace("==", " ") + " (no patches)"

    def __init__(self, yard: Yard, python: Path) -> None:
        self.yard, self.place = yard, yard.root / "west"
        self.west = python.with_name("west")
        manifest = self.place / "manifest"
        manifest.mkdir(parents=True)
        lines = ["manifest:", "  projects:"]
        for name, (_, pin) in UPSTREAMS.items():
            lines += [f"    - name: {name}", f"      url: file://{yard.mirrors}/{name}.git"]
            lines += [f"      revision: {pin}", f"      path: trees/{name}"]
        (manifest / "west.yml").write_text("\n".join(lines) + "\n")
        yard.run("git", "init", "--quiet", cwd=manifest)
        yard.run(self.west, "init", "-l", manifest, cwd=self.place)

    def forget(self) -> None:
        cold(self.yard, self.place / "trees")

    def work(self) -> None:
        self.yard.run(self.west, "update", "--narrow", "--fetch-opt=--depth=1", cwd=self.place)


class LongSeries:
    """Many patches on one long file: what grows faster than their number shows here."""

    name = f"{LONG_SERIES} patches on one file"

    def __init__(self, yard: Yard) -> None:
        self.yard, self.place = yard, yard.root / "long"
        self.upstream, self.ours, self.tree = (
            self.place / name for name in ("upstream", "ours", "tree")
        )
        (self.ours / "patches/long").mkdir(parents=True)
        yard.run("git", "init", "--quiet", "--initial-branch=main", self.upstream)
        functions = [
            [f"def f{number}(a, b):", f"    c = a + {number}", "    d = b * c", "    return d", ""]
            for number in range(1200)
        ]
        self.commit(functions)
        pin = yard.run("git", "rev-parse", "HEAD", cwd=self.upstream).strip()
        yard.run("git", "switch", "--quiet", "-c", "edited", cwd=self.upstream)
        for number in range(LONG_SERIES):
            functions[number * 37 % len(functions)][1] += f" * {number}"
            self.commit(functions)
        patches = self.ours / "patches/long"
        yard.run("git", "format-patch", "--quiet", "-o", patches, pin, cwd=self.upstream)
        yard.run("git", "switch", "--quiet", "main", cwd=self.upstream)
        (self.ours / "forks.toml").write_text(
            f'version = 1\n[fork.long]\ngit = "file://{self.upstream}"\nrevision = "{pin}"\n'
            'series = ["long"]\n'
        )

    def commit(self, functions: list[list[str]]) -> None:
        text = "\n".join("\n".join(lines) for lines in functions)
        (self.upstream / "long.py").write_text(text)
        self.yard.run("git", "add", "--all", cwd=self.upstream)
        self.yard.run("git", "commit", "--quiet", "-m", "Edit", cwd=self.upstream)

    def forget(self) -> None:
        cold(self.yard, self.tree, self.ours / "forks")
        self.yard.run("git", "clone", "--quiet", self.upstream, self.tree)
        self.yard.run(sys.executable, "-m", "forkctl", "sync", cwd=self.ours)

    def by_forkctl(self) -> None:
        self.yard.run(sys.executable, "-m", "forkctl", "apply", cwd=self.ours)

    def by_git(self) -> None:
        mails = sorted((self.ours / "patches/long").iterdir())
        self.yard.run("git", "am", "--quiet", *mails, cwd=self.tree)


def installed(yard: Yard, requirement: str) -> Path | None:
    """The python of an environment with this tool, or None where it does not install."""
    place = yard.root / "venvs" / requirement.partition("==")[0]
    python = place / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), requirement]
    for argv in ([*uv, "venv", "--quiet", str(place)], install):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            print(f"{requirement} does not install: {done.stderr.strip()[-200:]}", file=sys.stderr)
            return None
    return python


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args(argv).rounds
    with tempfile.TemporaryDirectory(prefix="forkctl-bench-") as folder:
        yard = Yard(Path(folder))
        mirror(yard)
        make_patches(yard)
        ours = Forkctl(yard)
        tools: list[Git | Forkctl | Kas | West] = [ours, Git(yard)]
        if python := installed(yard, KAS):
            tools.append(Kas(yard, python))
        if python := installed(yard, WEST):
            tools.append(West(yard, python))
        times: dict[tuple[str, str], list[float]] = {}

        def record(what: str, who: str, steps: Callable[[], object]) -> None:
            times.setdefault((what, who), []).append(yard.cpu(steps))

        for _ in range(rounds):
            for tool in tools:
                tool.forget()
                record("cold", tool.name, tool.work)
            ours.forget_trees()
            record("from the cache", ours.name, ours.work)
            for tool in tools:
                if not isinstance(tool, Git):
                    record("again, nothing to do", tool.name, tool.work)
            record("--version", ours.name, ours.version)
        long = LongSeries(yard)
        for _ in range(rounds):
            long.forget()
            record(long.name, ours.name, long.by_forkctl)
            record(long.name, "git am", long.by_git)
    print_table({key: statistics.median(values) for key, values in times.items()})
    return 0


def print_table(medians: dict[tuple[str, str], float]) -> None:
    print("| what | tool | CPU s | of forkctl's |")
    print("|---|---|---:|---:|")
    for (what, who), seconds in medians.items():
        ratio = seconds / medians[what, Forkctl.name]
        print(f"| {what} | {who} | {seconds:.3f} | {ratio:.1f}x |")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
