"""A registry over two dictionaries that can be told to misbehave, request by request; and that counts.

    with run_faulty_registry() as registry:
        digest = registry.add_image("app", "1", layers)      # or add_blob, add_manifest
        registry.fail(registry.layers[0], Drop(after=1000), times=1)
        ...
        assert registry.sent(digest) == ..., registry.requests

`fail` takes a digest, or the end of a path ("manifests/1", "token"), and one fault for the next `times` requests
that it fits, for ever without `times`. Faults told for the same thing are used up one after the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
PIECE = 16 << 10


@dataclass(frozen=True)
class Drop:
    """The connection is closed after so many bytes of the body; or reset, and then some of them may be lost."""

    after: int
    reset: bool = False


@dataclass(frozen=True)
class Truncate:
    """The body ends early and all headers agree with it, as if that were the blob."""

    to: int


@dataclass(frozen=True)
class Flip:
    """One bit of this byte of the blob is another."""

    at: int


@dataclass(frozen=True)
class Status:
    """Another status; `body` is JSON or plain text."""

    code: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WrongLength:
    """`Content-Length` is off by `by`; the body is what it should be, then the connection closes."""

    by: int


@dataclass(frozen=True)
class Redirect:
    """Elsewhere, to `to` plus the path asked for, or to the very address `to` where `exact`."""

    to: str
    exact: bool = False
    code: int = 307


@dataclass(frozen=True)
class Slow:
    """So many seconds before each piece of 16 KiB."""

    seconds: float


@dataclass(frozen=True)
class Lie:
    """`Docker-Content-Digest` says `digest`."""

    digest: str


@dataclass(frozen=True)
class NoRange:
    """`Range` is ignored: 200, and all bytes from the first."""


@dataclass(frozen=True)
class NoLength:
    """No `Content-Length`: the body ends with the connection; `extra` bytes of zeros follow it."""

    extra: int = 0


Fault = Drop | Truncate | Flip | Status | WrongLength | Redirect | Slow | Lie | NoRange | NoLength


@dataclass
class Request:
    """What was asked, and what went out: `sent` counts bytes of the body. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class FaultyRegistry:
    """`address` is HOST:PORT, `blobs` by digest, `manifests` by (repository, tag or digest) as (media type, bytes).

    `guard` sees every request first; what it gives back is the answer: tests of logging in use it.
    """

    address: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    guard: Callable[[Request], Status | None] = lambda request: None
    _faults: list[tuple[str, Fault, list[int]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def add_blob(self, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def add_manifest(self, repository: str, tag: str, raw: bytes | Mapping[str, Any], media_type: str = "") -> str:
        """File a manifest or index under its digest, and under `tag` unless that is empty."""
        raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        if not media_type:
            media_type = json.loads(raw).get("mediaType", MANIFEST)
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        for reference in filter(None, (digest, tag)):
            self.manifests[repository, reference] = media_type, raw
        return digest

    def add_image(
        self,
        repository: str,
        tag: str,
        layers: Sequence[bytes],
        *,
        diff_ids: Sequence[str] | None = None,
        architecture: str = "amd64",
        suffix: str = "",
    ) -> str:
        """An OCI image of these layer blobs; `diff_ids` are theirs unless given. The digest of its manifest."""
        digests = [self.add_blob(layer) for layer in layers]
        config = {
            "architecture": architecture,
            "os": "linux",
            "history": [{"created_by": f"step {number}"} for number in range(len(layers))],
            "rootfs": {"type": "layers", "diff_ids": list(digests if diff_ids is None else diff_ids)},
        }
        packed = json.dumps(config).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": self.add_blob(packed), "size": len(packed)},
            "layers": [
                {"mediaType": LAYER + suffix, "digest": digest, "size": len(layer)}
                for digest, layer in zip(digests, layers, strict=True)
            ],
        }
        return self.add_manifest(repository, tag, manifest)

    def add_index(self, repository: str, tag: str, images: Sequence[tuple[str, str]], **more: Any) -> str:
        """An index of (digest, platform); a platform that is empty is left out."""
        listed = []
        for digest, platform in images:
            media_type, raw = self.manifests.get((repository, digest), (MANIFEST, b""))
            described: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(raw)}
            if platform:
                described["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
            listed.append(described)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed, **more}
        return self.add_manifest(repository, tag, index)

    def fail(self, what: str, fault: Fault, times: int = 1 << 30) -> None:
        """Answer requests whose path ends with `what` with `fault`."""
        with self._lock:
            self._faults.append((what, fault, [times]))

    def heal(self) -> None:
        with self._lock:
            self._faults.clear()

    def asked(self, what: str, method: str = "GET") -> list[Request]:
        """Requests so far whose path ends with `what`."""
        with self._lock:
            return [r for r in self.requests if r.path.endswith(what) and r.method == method]

    def sent(self, what: str) -> int:
        """Bytes of bodies that went out for it."""
        return sum(request.sent for request in self.asked(what))

    def take(self, request: Request) -> Fault | None:
        """The fault for a request, used up by it."""
        with self._lock:
            self.requests.append(request)
            for what, fault, left in self._faults:
                if left[0] > 0 and request.path.partition("?")[0].endswith(what):
                    left[0] -= 1
                    return fault
        return None


@contextlib.contextmanager
def run_faulty_registry(host: str = "127.0.0.1") -> Iterator[FaultyRegistry]:
    """Serve on a free port of the loopback, plain HTTP; `host` may be `localhost`, another host to a client."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        registry = FaultyRegistry(f"{host}:{server.server_address[1]}")
        server.registry = registry  # type: ignore[attr-defined]
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle(self) -> None:
        # A TLS greeting has no line end to wait for: no is said at once, as Go's server does.
        with contextlib.suppress(OSError):
            if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
                self.close_connection = True
                return
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        registry: FaultyRegistry = self.server.registry  # type: ignore[attr-defined]
        self.path = re.sub(r"^http://[^/]+", "", self.path)  # as it is asked where it serves as a proxy
        self.request_seen = Request(
            self.command, self.path, {key.lower(): value for key, value in self.headers.items()}
        )
        fault = registry.take(self.request_seen)
        denied = registry.guard(self.request_seen)
        if denied is not None:
            self._answer(denied.code, denied.body.encode(), denied.headers)
        elif isinstance(fault, Status):
            self._answer(fault.code, fault.body.encode(), fault.headers)
        elif isinstance(fault, Redirect):
            self._answer(fault.code, b"", {"Location": fault.to if fault.exact else fault.to + self.path})
        else:
            self._find(registry, fault)

    do_HEAD = do_GET

    def _find(self, registry: FaultyRegistry, fault: Fault | None) -> None:
        match = re.fullmatch(r"/v2/(.+)/(blobs|manifests)/([^/?]+)(?:\?.*)?", self.path)
        if self.path == "/v2/":
            self._answer(200, b"{}", {})
        elif match and match[2] == "blobs" and match[3] in registry.blobs:
            self._serve(registry.blobs[match[3]], "application/octet-stream", match[3], fault)
        elif match and match[2] == "manifests" and (match[1], match[3]) in registry.manifests:
            media_type, raw = registry.manifests[match[1], match[3]]
            self._serve(raw, media_type, "sha256:" + hashlib.sha256(raw).hexdigest(), fault)
        else:
            code = "BLOB_UNKNOWN" if match and match[2] == "blobs" else "MANIFEST_UNKNOWN"
            body = {"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}
            self._answer(404, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _serve(self, data: bytes, media_type: str, digest: str, fault: Fault | None) -> None:
        if isinstance(fault, Truncate):
            data = data[: fault.to]
        elif isinstance(fault, Flip):
            data = data[: fault.at] + bytes([data[fault.at] ^ 1]) + data[fault.at + 1 :]
        headers = {
            "Content-Type": media_type,
            "Docker-Content-Digest": fault.digest if isinstance(fault, Lie) else digest,
            "Accept-Ranges": "bytes",
        }
        status = 200
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and not isinstance(fault, NoRange):
            start = int(wanted[1])
            if start >= len(data):
                return self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            data = data[start:]
        return self._answer(status, data, headers, fault)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None = None) -> None:
        self.request_seen.status = status
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if isinstance(fault, NoLength):
            body += bytes(fault.extra)
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            by = fault.by if isinstance(fault, WrongLength) else 0
            self.send_header("Content-Length", str(len(body) + by))
            self.close_connection = self.close_connection or by != 0
        self.end_headers()
        if self.command == "HEAD":
            return
        end = min(fault.after, len(body)) if isinstance(fault, Drop) else len(body)
        for start in range(0, end, PIECE):
            if isinstance(fault, Slow):
                time.sleep(fault.seconds)
            piece = body[start : min(start + PIECE, end)]
            self.wfile.write(piece)
            self.request_seen.sent += len(piece)
        if isinstance(fault, Drop):
            self.close_connection = True
            if fault.reset:  # what a close without lingering sends
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
