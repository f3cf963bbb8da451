"""One HTTP exchange: TLS, proxies, redirects, time limits; every failure of the connection as one kind of exception.

requests' adapter is used without its Session, which would add netrc passwords and cookies, and would read the whole
body of a redirect before following it.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import socket
import ssl
import threading
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies

from .. import __version__
from ..digest import CHUNK
from ..errors import FormatError, NotFound
from ..text import printable

LOG = logging.getLogger(__name__)

CONNECT, READ = 10.0, 60.0
"""Seconds: to get a connection, and to wait for the next bytes on it. A transfer that moves is never cut off."""
_LOOPBACK_CONNECT = 3.0
"""Shorter, since a server of plain HTTP may wait for more of what it takes a TLS greeting for."""
_REDIRECTS, _POOL = 5, 16
_AGENT = f"layerkit/{__version__}"

CERTIFICATES = (
    Path("/etc/docker/certs.d"),
    Path("/etc/containers/certs.d"),
    Path("~/.config/docker/certs.d"),
    Path("~/.config/containers/certs.d"),
)
"""Where `HOST[:PORT]/*.crt` are authorities for that host (docker: registry/config.go; containers-certs.d(5))."""

_TUNNEL = re.compile(r"Tunnel connection failed: \d{3}")

Kind = Literal["untrusted", "no-tls", "name", "refused", "timeout", "proxy", "redirect", "broken"]


class ConnectionFailed(Exception):
    """No answer, or not all of it. `reason` has no address and no secret in it."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """A response whose body is still on its way; to be closed. Header names are case-insensitive."""

    url: str
    status: int
    headers: Mapping[str, str]
    raw: Any = field(repr=False)
    redirected: bool = False

    @property
    def length(self) -> int | None:
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None

    @property
    def host(self) -> str:
        return _netloc(self.url)

    def pieces(self) -> Generator[bytes]:
        """The body as it comes. Raises ConnectionFailed where it stops before its announced length."""
        got = 0
        try:
            while data := self.raw.read(CHUNK, decode_content=False):
                got += len(data)
                yield data
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            raise _explain(error) from None
        finally:
            self.close()
        if self.length is not None and got < self.length:
            raise ConnectionFailed("broken", f"the connection ended after {got:,} of {self.length:,} bytes")

    def read(self, limit: int) -> bytes:
        """The body, cut after `limit` + 1 bytes so that the caller can tell that it is too long."""
        body = bytearray()
        for data in self.pieces():
            body += data
            if len(body) > limit:
                break
        self.close()
        return bytes(body[: limit + 1])

    def close(self) -> None:
        """Done with it: a body that was read to its end leaves its connection to the next request."""
        if not self.raw.closed:
            self.raw.close()
        self.raw.release_conn()


@dataclass
class Transport:
    """Connections to any number of hosts; safe to use from several threads.

    `insecure` lets certificates be unknown and plain HTTP be spoken to any host. `ca` is a PEM file, or a folder of
    them, trusted besides the system's.
    """

    insecure: bool = False
    ca: str = ""
    _adapters: dict[str, HTTPAdapter] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        if self.ca and not Path(self.ca).exists():
            raise NotFound(f"the CA file {self.ca} does not exist")
        if self.insecure:
            # It was asked for; urllib3 would warn of it at every request.
            warnings.filterwarnings("ignore", category=urllib3.exceptions.InsecureRequestWarning)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        authorization: str = "",
        body: Mapping[str, str] | None = None,
        sender: str = "",
    ) -> Answer:
        """Send a request and follow its redirects; `authorization` goes to the host of `url` and to no other.

        `sender` is the address of whoever named `url`, where a server did.
        Raises ConnectionFailed. Any status is an answer.
        """
        try:
            return self._follow(method, url, headers, authorization, body, sender or url)
        except ValueError:  # of urllib.parse, where an address is none
            raise ConnectionFailed("redirect", "it leads to an address that makes no sense") from None

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        authorization: str,
        body: Mapping[str, str] | None,
        sender: str,
    ) -> Answer:
        origin, target = _origin(url), url
        for _ in range(_REDIRECTS + 1):
            self._check(target, sender)
            own = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
            if authorization and _origin(target) == origin:
                own["Authorization"] = authorization
            answer = self._once(method, target, own, body)
            location = answer.headers.get("Location", "")
            if method not in ("GET", "HEAD") or answer.status not in (301, 302, 303, 307, 308) or not location:
                return Answer(target, answer.status, answer.headers, answer.raw, target != url)
            answer.raw.close()  # unread: a redirect's body may be endless
            target = urljoin(target, location)
            LOG.debug("redirected to %s", printable(_place(target), 200))
        raise ConnectionFailed("redirect", f"more than {_REDIRECTS} redirects")

    def _check(self, target: str, sender: str) -> None:
        """Refuse what a hostile answer might lead to: plain HTTP elsewhere, or a service of this very machine."""
        parts = urlsplit(target)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            raise ConnectionFailed("redirect", f"it leads to {printable(_place(target), 200)}, which is not HTTP")
        if parts.scheme == "http" and not self.insecure and not is_loopback(host):
            where = printable(_netloc(target), 200)
            raise ConnectionFailed("redirect", f"it leads to {where} over plain HTTP, which is not allowed")
        if is_loopback(host) and not is_loopback(urlsplit(sender).hostname or ""):
            raise ConnectionFailed("redirect", "it leads to this machine's own loopback")

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, str] | None) -> Answer:
        loopback = is_loopback(urlsplit(url).hostname or "")
        try:
            request = requests.Request(method, url, headers=dict(headers), data=dict(body or {})).prepare()
            response = self._adapter(_netloc(url)).send(
                request,
                stream=True,
                timeout=(_LOOPBACK_CONNECT if loopback else CONNECT, READ),
                verify=not self.insecure,
                proxies={} if loopback else get_environ_proxies(url),
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            raise _explain(error) from None
        return Answer(url, response.status_code, response.headers, response.raw)

    def _adapter(self, netloc: str) -> HTTPAdapter:
        """One pool per host, so that an authority trusted for one is not trusted for where it redirects to."""
        with self._lock:
            if netloc not in self._adapters:
                self._adapters[netloc] = _Adapter(self._trust(netloc))
            return self._adapters[netloc]

    def _trust(self, netloc: str) -> ssl.SSLContext:
        context = ssl.create_default_context()
        # Private authorities often lack the extensions that Python 3.13 asks for, and Go does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        system = ssl.get_default_verify_paths()
        if not (system.cafile or system.capath):
            context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
        named = [Path(self.ca)] if self.ca else []
        if "/" not in netloc and netloc not in ("", ".", ".."):
            named += [folder.expanduser() / netloc for folder in CERTIFICATES]
        for path in named:
            for file in sorted(path.glob("*.crt")) + sorted(path.glob("*.pem")) if path.is_dir() else [path]:
                if file.is_file():
                    _load(context, file)
        return context


def is_loopback(host: str) -> bool:
    """Whether Docker counts `host` as this machine itself (registry/config.go, `isSecureIndex`: 127.0.0.0/8, ::1)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class _Adapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=4, pool_maxsize=_POOL)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """As requests', without reading its bundle again for every connection: the context holds what is trusted."""
        conn.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)


def _load(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        raise FormatError(f"{file} holds no certificate in PEM form") from None
    except OSError as error:
        raise NotFound(f"the CA file {file} cannot be read: {error.strerror}") from None


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _netloc(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _place(url: str) -> str:
    """An address as it may be shown: without the query, where storage back ends put their signatures."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_netloc(url)}{parts.path}"


def _explain(error: BaseException) -> ConnectionFailed:
    """What lies at the bottom of an exception of requests or urllib3, whose own text carries addresses and queries."""
    causes = list(_causes(error))

    def find(*kinds: type[BaseException]) -> BaseException | None:
        return next((cause for cause in causes if isinstance(cause, kinds)), None)

    if find(requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError, UnicodeError):
        return ConnectionFailed("redirect", "it leads to an address that makes no sense")
    if isinstance(untrusted := find(ssl.SSLCertVerificationError), ssl.SSLCertVerificationError):
        return ConnectionFailed("untrusted", f"its certificate is not trusted: {untrusted.verify_message}")
    if find(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
        tunnel = next((found[0] for cause in causes if (found := _TUNNEL.search(str(cause)))), "it did not connect")
        return ConnectionFailed("proxy", f"the proxy refused: {tunnel.lower()}")
    if isinstance(tls := find(ssl.SSLError), ssl.SSLError):
        return ConnectionFailed("no-tls", f"it does not speak TLS ({(tls.reason or 'no reason').lower()})")
    if find(socket.gaierror, urllib3.exceptions.NameResolutionError):
        return ConnectionFailed("name", "its name cannot be resolved")
    if find(ConnectionRefusedError):
        return ConnectionFailed("refused", "connection refused")
    if find(TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout):
        return ConnectionFailed("timeout", "no answer in time")
    if isinstance(short := find(urllib3.exceptions.IncompleteRead), urllib3.exceptions.IncompleteRead):
        return ConnectionFailed("broken", f"the connection ended after {short.partial} bytes")
    if isinstance(low := find(OSError), OSError) and low.errno:
        return ConnectionFailed("broken", os.strerror(low.errno).lower())
    return ConnectionFailed("broken", "the connection was closed")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Everything an exception wraps, the way requests (args), urllib3 (reason) and Python (context) do."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen or len(seen) > 50:
            continue
        seen.add(id(current))
        yield current
        inner: Sequence[Any] = (getattr(current, "reason", None), *current.args, current.__cause__, current.__context__)
        waiting += [item for item in inner if isinstance(item, BaseException)]
