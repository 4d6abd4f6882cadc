"""A hub of our own on 127.0.0.1: the few addresses that a download of a dataset needs."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

REPO = "someone/LIBERO-datasets"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What it serves, what it was asked, and how it misbehaves."""

    files: dict[str, bytes]
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # verb, path, range
    revisions: set[str] = field(default_factory=set)  # of which files were asked for
    cut_after: dict[str, int] = field(default_factory=dict)  # bytes, once, then the line breaks
    lies: set[str] = field(default_factory=set)  # paths that are sent with a byte changed
    commit: str = COMMIT
    tokens: set[str] = field(default_factory=set)  # that came with any request
    url: str = ""

    def downloads(self, path: str) -> list[str]:
        """The ranges of the GETs of a file ("" = all of it)."""
        return [span for verb, asked, span in self.requests if verb == "GET" and asked == path]


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Hub]:
    hub = Hub(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            if token := self.headers.get("Authorization"):
                hub.tokens.add(token)
            if match := re.fullmatch(rf"/api/datasets/{REPO}/tree/([^/]+)/(.*)", path):
                self.send_json(_tree(hub.files, match[2]))
            elif re.fullmatch(rf"/api/datasets/{REPO}(/revision/[^/]+)?", path):
                siblings = [{"rfilename": name} for name in hub.files]
                older = dict.fromkeys(("private", "disabled", "downloads", "likes", "tags"))
                self.send_json({"id": REPO, "sha": hub.commit, "siblings": siblings, **older})
            elif match := re.fullmatch(rf"/datasets/{REPO}/resolve/([^/]+)/(.*)", path):
                hub.revisions.add(match[1])
                self.send_file(match[2], body)
            else:
                self.send_error(404)

        def send_json(self, value: object) -> None:
            content = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def send_file(self, path: str, body: bool) -> None:
            hub.requests.append((self.command, path, self.headers.get("Range", "")))
            if path not in hub.files:
                self.send_error(404)
                return
            content = hub.files[path]
            digest = hashlib.sha256(content).hexdigest()
            if path in hub.lies:
                content = bytes([content[0] ^ 1]) + content[1:]
            start = 0
            if span := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
                start = int(span[1])
            self.send_response(206 if start else 200)
            self.send_header("ETag", f'"{digest}"')
            self.send_header("X-Linked-Etag", f'"{digest}"')
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Accept-Ranges", "bytes")
            if start:
                whole = len(content)
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if not body:
                return
            cut = hub.cut_after.pop(path, None)
            self.wfile.write(content[start:] if cut is None else content[start : start + cut])
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def _tree(files: dict[str, bytes], folder: str) -> list[dict[str, object]]:
    return [
        {
            "type": "file",
            "oid": hashlib.sha1(content).hexdigest(),
            "size": len(content),
            "path": name,
            "lfs": {
                "oid": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "pointerSize": 134,
            },
        }
        for name, content in files.items()
        if name.startswith(f"{folder}/") or "/../" in name
    ]
