"""A read-only registry of exactly the images that are on their way, for one host to pull from.

OCI distribution-spec v1.1, "Pull": GET and HEAD of manifests and blobs, with ranges. Nothing can be written, nothing
listed, and every path begins with a secret, since other users of the host can reach the tunnel's port too.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from ..archive import ImageFile, Span, manifest_of, read_span
from ..digest import sha256
from ..errors import LayerkitError

LOG = logging.getLogger("layerkit.shipping")

_BYTES = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PATH = re.compile(r"/v2/(?P<name>[a-z0-9/]+)/(?P<kind>manifests|blobs)/(?P<what>[a-z0-9:]+)")

_LINE = 1 << 16
_TLS, _PLAIN = b"\x16", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
"""The first byte of a TLS handshake, and what makes containerd try again without TLS: an answer that begins with
`HTTP/` (core/remotes/docker/resolver.go, `NewHTTPFallback`). So Docker's containerd store asks on loopback."""

Bring = Callable[[str], Span]
"""Has a layer here, by its digest, and says where."""


@dataclass
class Served:
    """What may be asked for. `sent` counts the bytes of blobs and manifests that went out."""

    files: tuple[ImageFile, ...] = field(repr=False)
    bring: Bring = field(repr=False)
    tick: Callable[[int], None] = field(default=lambda count: None, repr=False)
    name: str = field(default_factory=lambda: f"layerkit/{secrets.token_hex(16)}", repr=False)
    sent: int = 0
    failure: LayerkitError | None = None
    """Why a layer could not be had, where one could not."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._manifests: dict[str, tuple[str, bytes]] = {}
        self._small: dict[str, bytes] = {}
        self._layers: set[str] = set()
        for at, file in enumerate(self.files):
            raw = manifest_of(file)
            self._manifests[str(at)] = self._manifests[sha256(raw)] = (file.manifest_type, raw)
            self._small[sha256(file.config)] = file.config
            self._layers.update(layer.digest for layer in file.layers)

    def manifest(self, reference: str) -> tuple[str, bytes] | None:
        """Media type and bytes, by the image's position as its tag, or by digest."""
        return self._manifests.get(reference)

    def blob(self, digest: str) -> bytes | Span | None:
        """Raises LayerkitError where a layer cannot be had from its source."""
        if digest in self._small:
            return self._small[digest]
        if digest not in self._layers:
            return None
        try:
            return self.bring(digest)
        except LayerkitError as error:
            self.failure = error
            raise

    def count(self, size: int) -> None:
        with self._lock:
            self.sent += size
        self.tick(size)


class Answering(BaseHTTPRequestHandler):
    """One connection. `request` is a socket, or anything with a socket's `makefile` and `sendall`."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "layerkit", ""
    timeout = 300

    def __init__(self, served: Served, request: Any, address: Any, server: Any) -> None:
        self._served = served
        super().__init__(request, address, server)

    def handle_one_request(self) -> None:
        try:
            first = self.rfile.read(1)
            if first == _TLS:
                self.connection.recv(1 << 16)
                self.wfile.write(_PLAIN)
            self.raw_requestline = b"" if first == _TLS else first + self.rfile.readline(_LINE)
        except TimeoutError:
            self.raw_requestline = b""
        if not self.raw_requestline.endswith(b"\n"):
            self.close_connection = True
        elif self.parse_request():
            answer = {"GET": self.do_GET, "HEAD": self.do_HEAD}.get(self.command)
            if answer is None:
                self.close_connection = True  # what it sends along is not read
                self._refuse(405, "UNSUPPORTED", body=True)
            else:
                answer()

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        if path in ("/v2", "/v2/"):
            self._send(200, "application/json", b"{}", {}, body=body)
            return
        match = _PATH.fullmatch(path)
        if match is None or not secrets.compare_digest(match["name"], self._served.name):
            self._refuse(404, "NAME_UNKNOWN", body=body)
        elif match["kind"] == "manifests":
            found = self._served.manifest(match["what"])
            if found is None:
                self._refuse(404, "MANIFEST_UNKNOWN", body=body)
            else:
                self._send(200, found[0], found[1], {"Docker-Content-Digest": sha256(found[1])}, body=body)
        else:
            self._blob(match["what"], body=body)

    def _blob(self, digest: str, *, body: bool) -> None:
        try:
            content = self._served.blob(digest)
        except LayerkitError as error:
            LOG.info("%s: %s", digest, error)
            self._refuse(502, "UNKNOWN", body=body)
            return
        if content is None:
            self._refuse(404, "BLOB_UNKNOWN", body=body)
            return
        size = content.size if isinstance(content, Span) else len(content)
        headers = {"Docker-Content-Digest": digest, "Accept-Ranges": "bytes"}
        wanted = _RANGE.fullmatch(self.headers.get("Range") or "")
        if wanted is None:
            self._send(200, _BYTES, content, headers, body=body)
            return
        first, last = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
        if first > last:
            self._send(416, _BYTES, b"", {"Content-Range": f"bytes */{size}"}, body=body)
            return
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        self._send(206, _BYTES, _cut(content, first, last + 1 - first), headers, body=body)

    def _refuse(self, status: int, code: str, *, body: bool) -> None:
        said = json.dumps({"errors": [{"code": code, "message": "not served here"}]}).encode()
        self._send(status, "application/json", said, {}, body=body)

    def _send(self, status: int, kind: str, content: bytes | Span, headers: Mapping[str, str], *, body: bool) -> None:
        self.send_response(status)
        size = content.size if isinstance(content, Span) else len(content)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(size),
            "Docker-Distribution-Api-Version": "registry/2.0",
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in _chunks(content) if body else ():
            self.wfile.write(chunk)
            self._served.count(len(chunk) if status < 300 else 0)

    def log_message(self, format: str, *args: Any) -> None:
        LOG.debug(format, *args)


def _chunks(content: bytes | Span) -> Iterator[bytes]:
    return read_span(content) if isinstance(content, Span) else iter([content])


def _cut(content: bytes | Span, first: int, size: int) -> bytes | Span:
    if isinstance(content, Span):
        return Span(content.path, content.offset + first, size)
    return content[first : first + size]
