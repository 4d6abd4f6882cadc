"""The source package of a release comes from where pip would get it, and nothing of it is run."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from forkctl.forks import package_index
from forkctl.forks.package_index import NotFetched, fetch
from tests.driver import Workspace
from tests.forks.test_sdist import archive, declare, member

CONTENT = archive([member("tiny-thing-1.0/setup.py", b"open('ran', 'w')\n")])
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LOGIN = "Basic " + base64.b64encode(b"ada:s3cret").decode()


class Index:
    """An index of one package. `asked` is each path with the login that it was asked with."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append((self.path, self.headers["Authorization"]))
                status, headers, content = index.pages.get(self.path, (404, {}, b""))
                if headers.get("needs") not in (None, self.headers["Authorization"]):
                    status, headers, content = 401, {}, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def html(self, *links: str, path: str = "/simple/tiny-thing/", **headers: str) -> None:
        text = "".join(f'<a href="{link}">x</a>\n' for link in links)
        self.pages[path] = (200, {"Content-Type": "text/html", **headers}, text.encode())

    def file(self, path: str, content: bytes = CONTENT, **headers: str) -> None:
        self.pages[path] = (200, headers, content)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(package_index, "_WAITS", (0.0, 0.0))
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "NETRC", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    index = Index()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.host}/simple")
    yield index
    index.server.shutdown()
    index.server.server_close()


def get(target: Path) -> None:
    fetch("tiny.thing", "1.0", SHA256, target)
    assert target.read_bytes() == CONTENT


def test_a_page_of_html(index: Index, tmp_path: Path) -> None:
    index.html("../../f/tiny_thing-0.9.tar.gz", "../../f/tiny_thing-1.0.tar.gz")
    index.file("/f/tiny_thing-1.0.tar.gz")
    get(tmp_path / "got")


def test_a_page_of_json(index: Index, tmp_path: Path) -> None:
    files = [
        {"filename": "x", "url": "/f/tiny-thing-1.0-py3-none-any.whl", "hashes": {"sha256": "0"}},
        {"filename": "y", "url": "/f/tiny-thing-1.0.tar.gz", "hashes": {"sha256": SHA256}},
    ]
    content = json.dumps({"files": files}).encode()
    kind = {"Content-Type": "application/vnd.pypi.simple.v1+json; charset=utf-8"}
    index.pages["/simple/tiny-thing/"] = (200, kind, content)
    index.file("/f/tiny-thing-1.0.tar.gz")
    get(tmp_path / "got")


@pytest.mark.parametrize("told", [f"#sha256={'0' * 64}", ""])
def test_another_file_of_that_name_is_refused(index: Index, tmp_path: Path, told: str) -> None:
    index.html(f"/f/tiny-thing-1.0.tar.gz{told}")
    index.file("/f/tiny-thing-1.0.tar.gz", b"other")
    with pytest.raises(NotFetched, match=r"has the sha256 .*find out why"):
        get(tmp_path / "got")
    assert len(index.asked) == (1 if told else 2), "what the index says is another is not asked for"


def test_a_place_that_fails_is_not_the_last(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{index.host}/broken")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"http://127.0.0.1:1/x http://{index.host}/simple")
    index.pages["/broken/tiny-thing/"] = (503, {}, b"")
    index.html("/f/tiny-thing-1.0.tar.gz")
    index.file("/f/tiny-thing-1.0.tar.gz")
    get(tmp_path / "got")
    assert [path for path, _ in index.asked].count("/broken/tiny-thing/") == 3


def test_a_folder_pips_files_and_uvs_variables(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "tiny-thing-1.0.tar.gz").write_bytes(CONTENT)
    (tmp_path / "pip.conf").write_text(f"[global]\nno_index = true\nfind-links = {folder}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    get(tmp_path / "by pip")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{index.host}/uv")
    index.html("/f/tiny-thing-1.0.tar.gz", path="/uv/tiny-thing/")
    index.file("/f/tiny-thing-1.0.tar.gz")
    get(tmp_path / "by uv")


@pytest.mark.parametrize("how", ["address", "netrc", "keyring", "uv"])
def test_a_login_is_told_to_its_host_alone(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    other = Index()
    files = f"http://{other.host}/f/tiny-thing-1.0.tar.gz".replace("127.0.0.1", "localhost")
    index.html("/moved", needs=LOGIN)
    index.html("/moved/tiny-thing-1.0.tar.gz", needs=LOGIN)
    index.pages["/moved/tiny-thing-1.0.tar.gz"] = (302, {"Location": files, "needs": LOGIN}, b"")
    other.file("/f/tiny-thing-1.0.tar.gz")
    if how == "address":
        monkeypatch.setenv("PIP_INDEX_URL", f"http://ada:s3cret@{index.host}/simple")
    elif how == "netrc":
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login ada password s3cret\n")
        (tmp_path / ".netrc").chmod(0o600)
    elif how == "keyring":
        monkeypatch.setenv("PIP_INDEX_URL", f"http://ada@{index.host}/simple")
        program = tmp_path / "keyring"
        program.write_text(f"#!/bin/sh\n[ \"$*\" = 'get {index.host} ada' ] && echo s3cret\n")
        program.chmod(0o755)
    else:
        monkeypatch.setenv("PIP_INDEX_URL", "")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"my.lab=http://{index.host}/simple")
        monkeypatch.setenv("UV_INDEX_MY_LAB_USERNAME", "ada")
        monkeypatch.setenv("UV_INDEX_MY_LAB_PASSWORD", "s3cret")
    get(tmp_path / "got")
    assert other.asked == [("/f/tiny-thing-1.0.tar.gz", None)]
    other.server.shutdown()
    other.server.server_close()


@pytest.mark.parametrize(
    "link", ["file:///etc/tiny-thing-1.0.tar.gz", "ftp://h/tiny-thing-1.0.tgz"]
)
def test_a_page_names_no_file_of_this_machine(index: Index, tmp_path: Path, link: str) -> None:
    index.html(link)
    with pytest.raises(NotFetched, match="does not list it"):
        get(tmp_path / "got")


def test_what_is_longer_than_any_is_refused(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.html("/f/tiny-thing-1.0.tar.gz")
    index.file("/f/tiny-thing-1.0.tar.gz")
    monkeypatch.setattr(package_index, "LARGEST_ARCHIVE", 10)
    with pytest.raises(NotFetched, match="larger than any"):
        get(tmp_path / "got")
    monkeypatch.setattr(package_index, "_LONGEST_PAGE", 10)
    with pytest.raises(NotFetched, match="longer than any page"):
        get(tmp_path / "got")


def test_a_host_of_others_is_not_asked_by_http(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.invalid/simple")
    with pytest.raises(NotFetched, match=r"index\.invalid is reached by http"):
        get(tmp_path / "got")


def test_sync_takes_it_from_an_index_and_shows_no_login(
    workspace: Workspace, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://ada:s3cret@{index.host}/simple")
    declare(workspace, SHA256)
    assert workspace.run("sync") == 1
    assert "does not list it" in workspace.err and "s3cret" not in workspace.err
    index.html("/f/tiny-thing-1.0.tar.gz", needs=LOGIN)
    index.file("/f/tiny-thing-1.0.tar.gz", needs=LOGIN)
    workspace.ok("sync")
    assert (workspace.tree("tiny") / "setup.py").is_file()
