"""The registry's HTTP API (OCI distribution-spec, "Pull") for one repository: its mirrors first, then itself."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from ..errors import LayerkitError, NotFound, UsageError
from ..text import printable
from .endpoint import Clock, Endpoint, Fetched, Stored
from .transport import Transport

__all__ = ["Client", "Clock", "Fetched", "Stored"]

LOG = logging.getLogger(__name__)

_MIRROR = re.compile(r"(?:(?P<of>[^=/]+)=)?(?:(?P<scheme>https?)://)?(?P<host>[^/@=]+)(?P<prefix>(?:/[^/@]+)*)/?")

T = TypeVar("T")


class Client:
    """One repository, asked at its mirrors first and then at its registry. Safe to use from several threads."""

    def __init__(
        self,
        domain: str,
        repository: str,
        *,
        insecure: bool = False,
        ca: str = "",
        authfile: str = "",
        mirrors: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        transport, clock = Transport(insecure, ca), clock or Clock()
        self.origin = Endpoint(domain, repository, transport, clock, authfile)
        self.mirrors = [
            Endpoint(host, prefix + repository, transport, clock, authfile, scheme)
            for of, scheme, host, prefix in map(_parse_mirror, mirrors)
            if of == domain
        ]

    def manifest(self, reference: str) -> Fetched:
        """The manifest or index of a tag or digest. Raises NotFound, AccessDenied, Unreachable."""
        return self._first(lambda endpoint: endpoint.manifest(reference))

    def stat(self, digest: str) -> Stored | None:
        """Whether a blob is there, and its size."""

        def at_mirror(endpoint: Endpoint) -> Stored:
            if (stored := endpoint.stat(digest)) is None:
                raise NotFound(f"no {digest}")
            return stored

        return self._first(at_mirror, last=lambda: self.origin.stat(digest))

    def chunks(self, digest: str, size: int | None = None, offset: int = 0) -> Generator[bytes]:
        """The bytes of a blob from `offset` on, in order and without gaps, in pieces of at most 256 KiB.

        Dropped connections are resumed inside; where a server ignores Range, what is there already is read past.
        The bytes are not verified here. At most 1 MiB more than `size` is read.

        Raises NotFound, AccessDenied, Unreachable once patience is out, and IntegrityError where the blob has fewer
        than `offset` bytes.
        """
        got = offset
        for endpoint in list(self.mirrors):
            try:
                for data in endpoint.chunks(digest, size, got):
                    got += len(data)
                    yield data
                return
            except LayerkitError as error:
                self._pass_over(endpoint, error)
        yield from self.origin.chunks(digest, size, got)

    def _first(self, act: Callable[[Endpoint], T], last: Callable[[], T] | None = None) -> T:
        for endpoint in list(self.mirrors):
            try:
                return act(endpoint)
            except LayerkitError as error:
                self._pass_over(endpoint, error)
        return last() if last else act(self.origin)

    def _pass_over(self, endpoint: Endpoint, error: LayerkitError) -> None:
        LOG.info("mirror %s: %s", endpoint.host, error)
        if not endpoint.answered:
            self.mirrors = [mirror for mirror in self.mirrors if mirror is not endpoint]


def _parse_mirror(text: str) -> tuple[str, str, str, str]:
    """`[REGISTRY=][SCHEME://]HOST[/PREFIX]` as registry, scheme, host, prefix with its slash."""
    match = _MIRROR.fullmatch(text)
    if match is None:
        raise UsageError(f"{printable(text, 100)!r} is no mirror", hint="write HOST[/PREFIX] or REGISTRY=HOST[/PREFIX]")
    prefix = match["prefix"].strip("/")
    return match["of"] or "docker.io", match["scheme"] or "", match["host"], f"{prefix}/" if prefix else ""
