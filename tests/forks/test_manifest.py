from __future__ import annotations

from pathlib import Path

import pytest

from forkctl.errors import ExitCode, UsageError
from forkctl.forks.manifest import GitSource, load, parse
from tests import ROOT

SHA = "1" * 40
GOOD = f"""\
version = 1

[fork.thing]
git = "https://example.org/owner/thing"
revision = "{SHA}"
hint = "v1"
sparse = ["src"]
series = ["thing"]
"""


def read(text: str) -> UsageError:
    with pytest.raises(UsageError) as refused:
        parse(text, Path("forks.toml"))
    assert refused.value.exit_code == ExitCode.USAGE
    assert refused.value.hint, "every refusal says the accepted form"
    return refused.value


def test_reads_what_the_docs_promise() -> None:
    fork = parse(GOOD, Path("forks.toml")).fork("thing")
    assert fork.source == GitSource("https://example.org/owner/thing", SHA, "v1")
    assert (fork.sparse, fork.series, fork.overlays, fork.default) == (
        ("src",), ("thing",), (), True,
    )  # fmt: skip


def test_the_manifest_of_this_repository() -> None:
    manifest = load(ROOT / "forks.toml")
    assert [fork.name for fork in manifest.choose((), every=False)] == [
        "robomimic", "droid", "openvla", "rdt",
    ]  # fmt: skip
    assert {fork.name for fork in manifest.forks} > {"robomimic-release", "openvla-oft"}


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("hint =", "hnt ="), 6, ["`hnt`", "hint"]),
        (('hint = "v1"', "hint = 3"), 6, ["a string"]),
        (('["src"]', '"src"'), 7, ["a list"]),
        (('["src"]', "[1]"), 7, ["list of strings"]),
        (('["src"]', '["../src"]'), 7, ["'..'"]),
        (('["src"]', '["/src"]'), 7, ["relative"]),
        (('["src"]', '["a/.git"]'), 7, [".git"]),
        (('series = ["thing"]', 'series = ["../x"]'), 8, ["plain name"]),
        (('series = ["thing"]', 'series = ["x", "x"]'), 8, ["twice"]),
        ((SHA, "v1.0"), 5, ["full commit id"]),
        ((SHA, SHA[:12]), 5, ["full commit id"]),
        ((SHA, "main"), 5, ["full commit id"]),
        (("https://example.org/owner/thing", "-oProxyCommand=x"), 4, ["not an address"]),
        (("https://example.org/owner/thing", "ext::sh -c x"), 4, ["not an address"]),
        (("https://example.org/owner/thing", "../thing"), 4, ["not an address"]),
        (("https://example.org/", "https://me:secret@example.org/"), 4, ["password", "***@"]),
        *(
            (("https://example.org/", f"https://{token}@example.org/"), 4, ["token", "***@"])
            for token in (
                "ghp_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
                "github_pat_11ABCDEFG",
                "glpat-abcdefghijklmnop",
                "0123456789abcdef0123456789abcdef01234567",
                "abcdefabcdefabcdefabcdefabcdefabcdefabcd",
                "hf_abc",
                "zq6wmrtv3kx5ab7cd2ef4gh6ij8kl2mn4op6qr3st5uv7wx2yz4a",
                "xK9-dT4vQ_2mN8pL5wRz",
                "a%3Ab",
                "me:",
            )
        ),
        (("https://example.org/", "ssh://me:secret@example.org/"), 4, ["password", "***@"]),
        (("https://example.org/", "me:secret@example.org:"), 4, ["not an address", "***@"]),
        (("owner/thing", "owner/thing?private_token=secret"), 4, ["query", "?***"]),
        (("https://example.org/", "foo::https://example.org/"), 4, ["not an address"]),
        (("https://example.org/", "git@example.org::"), 4, ["not an address"]),
        (("[fork.thing]", "[mirrors]\n'https://a/' = 'foo::bar'\n[fork.thing]"), 4, ["foo::bar"]),
        (("[fork.thing]", "[mirrors]\n'https://a/' = 'fd::9/'\n[fork.thing]"), 4, ["file://"]),
        (("[fork.thing]", "[mirrors]\n'https://a/' = 'ext::sh'\n[fork.thing]"), 4, ["ext::sh"]),
        (("[fork.thing]", "[mirrors]\n'https://a/' = '-x'\n[fork.thing]"), 4, ["not an address"]),
        (("[fork.thing]", "[mirrors]\n'x/' = 'https://ghp_secret@b/'\n[fork.thing]"), 4, ["***"]),
        (("[fork.thing]", "[fork.'../thing']"), 3, ["plain name"]),
        (("version = 1", "version = 2"), 1, ["version 1"]),
        (('sparse = ["src"]', 'python_path = ["../src"]'), 7, ["python_path", "'..'"]),
        (("[fork.thing]", "[fork.thing]\npypi = 'thing'"), 3, ["exactly one"]),
    ],
)  # fmt: skip
def test_refusals_point_at_the_line(change: tuple[str, str], line: int, words: list[str]) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    refused = read(text)
    assert refused.where == f"forks.toml:{line}"
    for word in words:
        assert word in f"{refused.message} {refused.hint}"
    assert "secret" not in str(refused)


@pytest.mark.parametrize(
    "user", ["ada", "my-lab", "Ada.Lovelace", "max-planck-institute-for-systems"]
)
def test_an_address_as_a_host_shows_it_may_name_a_user(user: str) -> None:
    url = f"https://{user}@dev.azure.com/my-lab/robots/_git/policy"
    text = GOOD.replace("https://example.org/owner/thing", url)
    assert parse(text, Path("forks.toml")).fork("thing").source.url == url


@pytest.mark.parametrize("value", ["[" * 100_000, "{a=" * 100_000])
def test_a_manifest_that_is_nested_without_an_end_is_refused(value: str) -> None:
    read(GOOD.replace('["src"]', value))


def test_a_name_written_twice_is_refused_with_its_line() -> None:
    refused = read(GOOD + '\n[fork.thing]\ngit = "https://example.org/other"\n')
    assert refused.where and refused.where.startswith("forks.toml:10")


def test_a_missing_key_points_at_its_table() -> None:
    refused = read(GOOD.replace(f'revision = "{SHA}"\n', ""))
    assert refused.where == "forks.toml:3"
    assert "revision" in refused.message


def test_an_unknown_fork_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no fork named") as refused:
        parse(GOOD, Path("forks.toml")).choose(("thng",), every=False)
    assert "thing" in (refused.value.hint or "")


def test_a_url_in_a_comment_or_string_does_not_confuse_the_line() -> None:
    text = GOOD.replace("[fork.thing]", '# revision = "x"\n[mirrors]\n"a/" = "/m/"\n\n[fork.thing]')
    refused = read(text.replace(SHA, "short"))
    assert refused.where == "forks.toml:9"
