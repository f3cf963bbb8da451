"""One repository at one host: requests with patience, a blob that goes on where it broke off.

What may pass is tried again with growing pauses: broken connections, 408, 429 and 5xx.
"""

from __future__ import annotations

import email.utils
import logging
import random
import re
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

from ..digest import Digest, is_digest
from ..document import LIMIT
from ..errors import IntegrityError, SourceError
from .authorization import TOKEN_LIMIT, Authorization
from .credentials import find_credential
from .refusals import refusal, unreachable
from .transport import Answer, ConnectionFailed, Transport, is_loopback

LOG = logging.getLogger(__name__)

TRIES = 5
"""Attempts at one request; also breaks of one blob in a row that brought less than `_PROGRESS` bytes each."""
_PAUSE, _LONGEST = 0.5, 30.0
PATIENCE = 120.0
"""Seconds of a `Retry-After` that are waited at most; whoever asks for more is told to the user instead."""
_PROGRESS, _SPARE = 1 << 20, 1 << 20
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_FINAL = frozenset({"untrusted", "no-tls", "redirect"})
_FIRST_FINAL = frozenset({"name", "refused", "timeout", "proxy"})
"""Failures that are not worth a second try at a host that never answered: a wrong name or port does not pass."""

ACCEPT = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.5",
        "application/vnd.docker.distribution.manifest.v1+json;q=0.5",
    ]
)
_SERVERS = {"docker.io": "registry-1.docker.io"}
_RANGE = re.compile(r"bytes (?:(\d{1,19})-\d{1,19}|\*)/(\d{1,19}|\*)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, for tests to hold."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest as a registry gave it. `digest` is what the registry calls it, None where it says nothing valid."""

    raw: bytes = field(repr=False)
    media_type: str
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob that is there; `size` is None where the registry does not tell."""

    size: int | None


class _Busy(Exception):
    """An answer that may be another one later: what to say if it is not, and for how long the server wants peace."""

    def __init__(self, final: SourceError, wait: float) -> None:
        super().__init__(str(final))
        self.final = final
        self.wait = wait


class Endpoint:
    """One repository at one host: the registry itself or a mirror of it."""

    def __init__(
        self, host: str, repository: str, transport: Transport, clock: Clock, authfile: str = "", scheme: str = ""
    ) -> None:
        self.host, self.repository = host, repository
        self.answered = False
        self._transport, self._clock = transport, clock
        self._server = _SERVERS.get(host, host)
        local = is_loopback(re.sub(r":\d+$", "", host))
        self._schemes: tuple[str, ...] = ("https", "http") if local or transport.insecure else ("https",)
        if scheme:
            self._schemes = (scheme,)
        self._authorization = Authorization(
            host, repository, lambda: find_credential(host, repository, authfile=authfile), self._ask_for_token
        )

    def manifest(self, reference: str) -> Fetched:
        what = f"{self.repository}{'@' if ':' in reference else ':'}{reference}"
        answer, raw = self._request("GET", f"manifests/{reference}", what, {"Accept": ACCEPT}, limit=LIMIT)
        digest = answer.headers.get("Docker-Content-Digest", "")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return Fetched(raw, media_type, Digest(digest) if is_digest(digest) else None)

    def stat(self, digest: str) -> Stored | None:
        """Whether a blob is there, and its size."""
        what, path = self._blob(digest), f"blobs/{digest}"
        answer, _ = self._request("HEAD", path, what)
        if answer.status not in (200, 404):  # HEAD may not be allowed, and only a GET says why
            answer.close()
            answer, _ = self._request("GET", path, what)
        if answer.status not in (200, 404):
            raise self._refusal(answer, what)
        answer.close()
        return Stored(answer.length) if answer.status == 200 else None

    def chunks(self, digest: str, size: int | None, offset: int) -> Generator[bytes]:
        """The blob's bytes from `offset` on. Raises NotFound, AccessDenied, Unreachable."""
        got = mark = offset
        breaks = 0
        while True:
            try:
                with closing(self._from(digest, got, size)) as pieces:
                    for data in pieces:
                        got += len(data)
                        yield data
                return
            except ConnectionFailed as failure:
                breaks = 1 if got - mark >= _PROGRESS else breaks + 1
                mark = got
                if breaks >= TRIES:
                    what = f"{self._blob(digest)}, which broke off at byte {got:,}"
                    raise unreachable(failure, what, self.host, breaks) from None
                LOG.info("%s: %s at byte %d; going on from there", self.host, failure.reason, got)
                self._clock.sleep(self._backoff(breaks))

    def _from(self, digest: str, offset: int, size: int | None) -> Generator[bytes]:
        what, path = self._blob(digest), f"blobs/{digest}"
        answer, _ = self._request("GET", path, what, {"Range": f"bytes={offset}-"} if offset else {})
        span = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status == 416 and offset:
            answer.close()
            if (span[2] if span else str(size)) == str(offset):
                return
            raise self._too_short(what, offset)
        if answer.status == 206 and not (offset and span is not None and span[1] == str(offset)):
            answer.close()
            answer, _ = self._request("GET", path, what)
        if answer.status not in (200, 206):
            raise self._refusal(answer, what)
        skip = offset if answer.status == 200 else 0
        if skip:
            LOG.info("%s ignores Range: %d bytes of %s are read again", self.host, skip, what)
        # A body without an announced length may have no end: a MiB too many shows that it is another blob.
        left = size + _SPARE - offset if size is not None and answer.length is None else None
        with closing(answer.pieces()) as pieces:
            for data in pieces:
                if skip >= len(data):
                    skip -= len(data)
                    continue
                yield data[skip:] if skip else data
                skip = 0
                if left is not None and (left := left - len(data)) < 0:
                    return
        if skip:
            raise self._too_short(what, offset)

    def _too_short(self, what: str, offset: int) -> IntegrityError:
        return IntegrityError(
            f"{self.host} has fewer bytes of {what} than the {offset:,} that are there already",
            hint="remove the unfinished copy and start again",
        )

    def _request(
        self, method: str, path: str, what: str, headers: Mapping[str, str] | None = None, *, limit: int | None = None
    ) -> tuple[Answer, bytes]:
        """One answer of any status, its body still to be read; with `limit` a good one, and its body."""

        def act() -> tuple[Answer, bytes]:
            used = self._authorization.header
            answer = self._send(method, path, headers or {}, used)
            if answer.status == 401 and not answer.redirected and self._renew(answer, used):
                answer.close()
                answer = self._send(method, path, headers or {}, self._authorization.header)
            if answer.status in _AGAIN:
                raise self._busy(answer, what)
            if limit is None:
                return answer, b""
            if answer.status != 200:
                raise self._refusal(answer, what)
            return answer, answer.read(limit)

        return self._persist(act, what, self.host)

    def _send(self, method: str, path: str, headers: Mapping[str, str], authorization: str) -> Answer:
        for scheme in (schemes := self._schemes):
            url = f"{scheme}://{self._server}/v2/{self.repository}/{path}"
            try:
                answer = self._transport.send(method, url, headers, authorization=authorization)
            except ConnectionFailed as failure:
                # An unknown certificate is an answer: what follows must not be a password in the clear.
                if scheme == schemes[-1] or failure.kind == "untrusted":
                    raise
                continue
            self.answered, self._schemes = True, (scheme,)
            return answer
        raise AssertionError("no scheme to try")

    def _renew(self, answer: Answer, used: str) -> bool:
        try:
            return self._authorization.renew(answer.headers.get("WWW-Authenticate", ""), used)
        except BaseException:
            answer.close()
            raise

    def _ask_for_token(
        self, url: str, authorization: str, form: Mapping[str, str] | None, server: str
    ) -> tuple[Answer, bytes]:
        what = f"a token for {self.repository}"

        def act() -> tuple[Answer, bytes]:
            method = "GET" if form is None else "POST"
            sender = f"https://{self._server}/"
            answer = self._transport.send(method, url, {}, authorization=authorization, body=form, sender=sender)
            if answer.status in _AGAIN:
                raise self._busy(answer, what)
            return answer, answer.read(TOKEN_LIMIT)

        return self._persist(act, what, server)

    def _persist(self, act: Callable[[], T], what: str, host: str) -> T:
        for attempt in range(1, TRIES + 1):
            try:
                return act()
            except ConnectionFailed as failure:
                hopeless = failure.kind in _FINAL or (failure.kind in _FIRST_FINAL and not self.answered)
                if attempt == TRIES or hopeless:
                    raise unreachable(failure, what, host, attempt) from None
                reason, wait = failure.reason, self._backoff(attempt)
            except _Busy as busy:
                if attempt == TRIES or busy.wait > PATIENCE:
                    raise busy.final from None
                reason, wait = str(busy), max(busy.wait, self._backoff(attempt))
            LOG.info("%s: %s; attempt %d in %.1f s", host, reason, attempt + 1, wait)
            self._clock.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _backoff(self, attempt: int) -> float:
        """Twice as long each time, less up to a half by chance, so that many clients do not return together."""
        full: float = min(_LONGEST, _PAUSE * 2.0 ** (attempt - 1))
        return full * (1 - self._clock.jitter() / 2)

    def _busy(self, answer: Answer, what: str) -> _Busy:
        text = answer.headers.get("Retry-After", "")
        wait = 0.0
        if text.isascii() and text.isdigit():
            wait = float(text[:10])
        elif text and (moment := email.utils.parsedate_tz(text)):
            wait = max(0.0, email.utils.mktime_tz(moment) - self._clock.now())
        return _Busy(self._refusal(answer, what, wait), wait)

    def _refusal(self, answer: Answer, what: str, wait: float = 0) -> SourceError:
        credential = self._authorization.used.credential
        secrets = [self._authorization.header.rpartition(" ")[2], credential.secret if credential else ""]
        advice = self._authorization.advice
        return refusal(answer, what, self.host, advice=advice, secrets=secrets, wait=wait)

    def _blob(self, digest: str) -> str:
        return f"blob {digest} of {self.repository}"
