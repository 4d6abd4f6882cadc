"""Download the source package of a release, and run nothing of it.

pip and uv would ask the package for its metadata, which runs its setup.py with all that the user's
environment holds. The digest is pinned, so the file is all that is needed, wherever it comes from.
Where to look, and as whom, is what pip's settings say (its variables, then its files), then uv's
variables.

A program of its own, which the command can end at any time:
`python -m forkctl.forks.package_index NAME VERSION SHA256 FILE`.
"""

from __future__ import annotations

import base64
import configparser
import contextlib
import hashlib
import http.client
import json
import netrc
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from forkctl.lifetime import end_with

T = TypeVar("T")

LARGEST_ARCHIVE = 2**30
_LONGEST_PAGE = 2**27
_SECONDS_WITHOUT_A_WORD = 60
_WAITS = (1.0, 4.0)  # seconds before the second and the third try
_PAGE_FORMS = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)
_ARCHIVE = re.compile(r"(.+)-([^-]+)\.(?:tar\.gz|tgz)\Z")


class NotFetched(Exception):
    """Why the release cannot be had."""


class Link(NamedTuple):
    url: str
    sha256: str | None


class PipSettings:
    """pip's variables and files; where those say nothing, uv's variables."""

    def __init__(self) -> None:
        home, config = Path.home(), os.environ.get("XDG_CONFIG_HOME")
        files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip/pip.conf"]
        files += [Path(config or home / ".config") / "pip/pip.conf", Path(sys.prefix) / "pip.conf"]
        if own := os.environ.get("PIP_CONFIG_FILE"):
            files = [] if own == os.devnull else [*files, Path(own)]
        parser = configparser.RawConfigParser(strict=False)
        parser.read(files, encoding="utf-8")
        self._from_files = {
            key.replace("_", "-"): value
            for section in ("global", "download")
            if parser.has_section(section)
            for key, value in parser.items(section)
        }

    def get(self, name: str, *uv_names: str) -> str:
        given = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")
        uv = (os.environ.get(each) for each in uv_names)
        return given or self._from_files.get(name) or next(filter(None, uv), "")

    def several(self, name: str, *uv_names: str) -> list[str]:
        return re.findall(r"[^\s,]+", self.get(name, *uv_names))


class Web:
    """Reads addresses; tells a login to the host that it is for, and to no other."""

    def __init__(self, settings: PipSettings) -> None:
        self._logins: dict[str, str] = {}  # by scheme and host: user:password
        self._trusted = settings.several("trusted-host", "UV_INSECURE_HOST")
        verified, unverified = ssl.create_default_context(), ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        if bundle := settings.get("cert", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            verified.load_verify_locations(**{_file_or_folder(bundle): bundle})
        if certificate := settings.get("client-cert", "SSL_CLIENT_CERT"):
            verified.load_cert_chain(certificate)
        proxy = settings.get("proxy")
        proxies = request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
        self._opener = _opener(proxies, verified, _Redirects(self))
        self._unverified_opener = _opener(proxies, unverified, _Redirects(self))

    def keep_login(self, address: str) -> str:
        """The address without a login. uv's form `name=https://…` has it in variables."""
        name, url = re.fullmatch(r"(?:([\w.-]+)=)?(.*)", address, re.DOTALL).groups()  # type: ignore[union-attr]
        parts = urlsplit(url)
        login, at, host = parts.netloc.rpartition("@")
        if name and not at:
            variables = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
            said = [os.environ.get(f"{variables}_{each}", "") for each in ("USERNAME", "PASSWORD")]
            login = ":".join(said) if any(said) else ""
        if login:
            self._logins[f"{parts.scheme}://{host}"] = unquote(login)
        return urlunsplit(parts._replace(netloc=host))

    @contextlib.contextmanager
    def opened(self, url: str) -> Iterator[Any]:
        opener = self._unverified_opener if self.is_trusted(urlsplit(url)) else self._opener
        try:
            answer = opener.open(self.prepared(url), timeout=_SECONDS_WITHOUT_A_WORD)
        except HTTPError as error:
            if error.code != 401 or not self._ask_keyring(urlsplit(url)):
                raise
            answer = opener.open(self.prepared(url), timeout=_SECONDS_WITHOUT_A_WORD)
        with answer:
            yield answer

    def prepared(self, url: str) -> request.Request:
        parts = urlsplit(url)
        if parts.scheme == "http" and not self.is_trusted(parts) and not _is_local(parts):
            raise NotFetched(f"{parts.netloc} is reached by http, and is no trusted-host of pip's")
        asked = request.Request(url, headers={"Accept": _PAGE_FORMS, "User-Agent": "forkctl"})
        if login := self._login(parts):
            token = base64.b64encode(login.encode()).decode()
            asked.add_unredirected_header("Authorization", f"Basic {token}")
        return asked

    def is_trusted(self, parts: SplitResult) -> bool:
        return parts.netloc in self._trusted or parts.hostname in self._trusted

    def _login(self, parts: SplitResult) -> str | None:
        if known := self._logins.get(f"{parts.scheme}://{parts.netloc}"):
            return known if ":" in known else f"{known}:"
        with contextlib.suppress(OSError, netrc.NetrcParseError):
            if entry := netrc.netrc(os.environ.get("NETRC")).authenticators(parts.hostname or ""):
                return f"{entry[0]}:{entry[2]}"
        return None

    def _ask_keyring(self, parts: SplitResult) -> bool:
        """The user's keyring program, as pip asks it once an index says no."""
        program, place = shutil.which("keyring"), f"{parts.scheme}://{parts.netloc}"
        user = self._logins.get(place, "__token__").partition(":")[0]
        if program is None:
            return False
        done = subprocess.run(
            [program, "get", parts.netloc, user], stdin=subprocess.DEVNULL, capture_output=True
        )
        if password := done.stdout.decode().strip("\r\n"):
            self._logins[place] = f"{user}:{password}"
        return bool(password)


class _Redirects(request.HTTPRedirectHandler):
    def __init__(self, web: Web) -> None:
        self._web = web

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> request.Request:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise NotFetched(f"{urlsplit(req.full_url).netloc} leads away from https")
        return self._web.prepared(newurl)


def _opener(
    proxies: request.ProxyHandler, context: ssl.SSLContext, redirects: _Redirects
) -> request.OpenerDirector:
    opener = request.OpenerDirector()
    for handler in (
        proxies,
        redirects,
        request.HTTPHandler(),
        request.HTTPSHandler(context=context),
        request.FileHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _file_or_folder(bundle: str) -> str:
    return "capath" if Path(bundle).is_dir() else "cafile"


def _is_local(parts: SplitResult) -> bool:
    return parts.hostname in ("localhost", "127.0.0.1", "::1")


class _Anchors(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "base" and target:
            self.base = urljoin(self.base, target)
        elif tag == "a" and target:
            self.found.append(urljoin(self.base, target))


def links_of(web: Web, page: str) -> list[Link]:
    """What a page lists: of an index (PEP 503, PEP 691), or of --find-links."""
    with web.opened(page) as answer:
        content, base = answer.read(_LONGEST_PAGE + 1), answer.geturl()
        kind = answer.headers.get_content_type()
    if len(content) > _LONGEST_PAGE:
        raise NotFetched(f"{page} is longer than any page of an index")
    if kind == "application/vnd.pypi.simple.v1+json":
        listed = [
            Link(urljoin(base, each["url"]), (each.get("hashes") or {}).get("sha256"))
            for each in json.loads(content)["files"]
        ]
    else:
        anchors = _Anchors(base)
        anchors.feed(content.decode("utf-8", "replace"))
        listed = [_from_anchor(url) for url in anchors.found]
    # a page from elsewhere names no files of this machine
    return [each for each in listed if base.startswith("file:") or each.url.startswith("http")]


def _from_anchor(url: str) -> Link:
    parts = urlsplit(url)
    digest = re.fullmatch(r"sha256=([0-9a-f]{64})", parts.fragment)
    return Link(urlunsplit(parts._replace(fragment="")), digest[1] if digest else None)


def _places(web: Web, settings: PipSettings, package: str) -> Iterator[str]:
    """Folders, and the addresses of pages, in pip's order."""
    for place in settings.several("find-links", "UV_FIND_LINKS"):
        yield web.keep_login(place) if "://" in place else str(Path(place).expanduser().absolute())
    if settings.get("no-index", "UV_NO_INDEX").lower() not in ("", "0", "false", "no", "off"):
        return
    main = settings.get("index-url", "UV_DEFAULT_INDEX", "UV_INDEX_URL").strip()
    extra = settings.several("extra-index-url", "UV_INDEX", "UV_EXTRA_INDEX_URL")
    for index in (main or "https://pypi.org/simple", *extra):
        page = f"{web.keep_login(index).rstrip('/')}/{_canonical(package)}/"
        yield f"{page}index.html" if page.startswith("file:") else page


def _links(web: Web, place: str) -> list[Link]:
    """An index that does not know the package has none."""
    folder = Path(place.removeprefix("file://"))
    if folder.is_dir():
        return [Link(each.as_uri(), None) for each in sorted(folder.iterdir())]
    try:
        return links_of(web, place if "://" in place else folder.as_uri())
    except HTTPError as error:
        if error.code == 404:
            return []
        raise


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_named(link: Link, package: str, version: str) -> bool:
    named = _ARCHIVE.search(unquote(urlsplit(link.url).path).rpartition("/")[2])
    wanted = (_canonical(package), version)
    return named is not None and (_canonical(named[1]), named[2]) == wanted


def _download(web: Web, link: Link, target: Path) -> str:
    """Its sha256."""
    digest, size = hashlib.sha256(), 0
    with web.opened(link.url) as answer, target.open("wb") as out:
        while chunk := answer.read(2**20):
            size += len(chunk)
            if size > LARGEST_ARCHIVE:
                raise NotFetched(f"{link.url} is larger than any source package")
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _patiently(action: Callable[[], T]) -> T:
    """Again, where a server or the way to it fails for the moment."""
    for waited in _WAITS:
        try:
            return action()
        except HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise
        except (URLError, OSError, http.client.HTTPException) as error:
            if isinstance(getattr(error, "reason", error), (FileNotFoundError, ssl.SSLError)):
                raise
        time.sleep(waited)
    return action()


def fetch(package: str, version: str, sha256: str, target: Path) -> None:
    settings = PipSettings()
    web = Web(settings)
    faults = []
    for place in _places(web, settings, package):
        fault = f"{place} does not list it"
        try:
            for link in _patiently(partial(_links, web, place)):
                if _is_named(link, package, version):
                    digest = link.sha256
                    if digest in (None, sha256):
                        digest = _patiently(partial(_download, web, link, target))
                    if digest == sha256:
                        return
                    fault = f"{link.url} has the sha256 {digest}: find out why before you pin it"
        except NotFetched as error:
            fault = str(error)
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            fault = f"{place}: {error}"
        faults.append(fault)
    raise NotFetched("; ".join(faults) or "pip is set to use no index, and no folder of packages")


def main(arguments: list[str]) -> int:
    end_with()
    package, version, sha256, target = arguments
    try:
        fetch(package, version, sha256, Path(target))
    except (NotFetched, OSError, ValueError, configparser.Error) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
