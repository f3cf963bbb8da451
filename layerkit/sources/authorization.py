"""Logging in at a registry: challenges (RFC 9110, 11.6.1) and the token dance of the distribution spec.

Tokens follow distribution's docs/spec/auth/token.md (GET) and oauth.md (POST, for identity tokens).
"""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from ..document import Document, text_of
from ..errors import AccessDenied
from ..text import printable
from .credentials import Credential, Lookup
from .transport import Answer

LOG = logging.getLogger(__name__)

TOKEN_LIMIT = 1 << 20
"""Bytes of a token answer that are read at most, as containerd does (remotes/docker/auth/fetch.go)."""

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?:\s+|$)")
_PARAMETER = re.compile(r"""\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))""")


def parse_challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    """The ways to log in that a `WWW-Authenticate` offers: scheme in lower case, parameters.

    >>> parse_challenges('Bearer realm="https://a/t",scope="repository:x:pull,push", Basic realm=b')
    [('bearer', {'realm': 'https://a/t', 'scope': 'repository:x:pull,push'}), ('basic', {'realm': 'b'})]
    """
    found: list[tuple[str, dict[str, str]]] = []
    header, at = header[: 4 << 10], 0
    while at < len(header):
        parameter = _PARAMETER.match(header, at)
        if parameter and found:
            value = parameter[2] if parameter[2] is not None else parameter[3]
            found[-1][1].setdefault(parameter[1].lower(), re.sub(r"\\(.)", r"\1", value))
            at = parameter.end()
        elif scheme := _SCHEME.match(header, at):
            found.append((scheme[1].lower(), {}))
            at = scheme.end()
        else:
            break
    return found


Fetch = Callable[[str, str, Mapping[str, str] | None, str], tuple[Answer, bytes]]
"""Asks a token server: address, `Authorization` or "", form or None, what to call it; retries what may pass."""


@dataclass
class Authorization:
    """What one host wants to see for one repository, renewed when it says so; shared by all threads."""

    host: str
    repository: str
    find: Callable[[], Lookup]
    fetch: Fetch
    used: Lookup = field(default_factory=Lookup)
    _header: str = field(default="", repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def header(self) -> str:
        return self._header

    def renew(self, challenge: str, stale: str) -> bool:
        """Answer a challenge; `stale` is the header it was given to. False where nothing better can be offered."""
        with self._lock:
            if self._header != stale:
                return True  # another thread has been here
            offers = dict(reversed(parse_challenges(challenge)))
            if "bearer" in offers:
                self.used = self.find()
                self._header = self._bearer(offers["bearer"], self.used.credential)
                return self._header != stale
            if "basic" in offers:
                self.used = self.find()
                credential = self.used.credential
                self._header = _basic(credential) if credential and credential.kind == "password" else ""
                return bool(self._header) and self._header != stale
            return False

    def _bearer(self, offer: Mapping[str, str], credential: Credential | None) -> str:
        if credential is not None and credential.kind == "registry-token":
            return f"Bearer {credential.secret}"
        realm = offer.get("realm", "")
        server = _server(realm)
        if not server:
            raise AccessDenied(f"{self.host} asks for a token and names no server that gives one")
        scope = offer.get("scope") or f"repository:{self.repository}:pull"
        asked = {"service": offer.get("service", ""), "scope": scope}
        LOG.debug("asking %s for a token, %s", server, credential.origin if credential else "anonymously")
        if credential is not None and credential.kind == "identity-token":
            form = {"grant_type": "refresh_token", "refresh_token": credential.secret, "client_id": "layerkit"}
            answer, body = self.fetch(realm, "", {**form, **asked}, server)
        else:
            query = urlencode({key: value for key, value in asked.items() if value})
            basic = _basic(credential) if credential else ""
            answer, body = self.fetch(realm + ("&" if "?" in realm else "?") + query, basic, None, server)
        document = Document.parse(body, limit=TOKEN_LIMIT)
        doc = document.value if isinstance(document.value, dict) else {}
        token = text_of(doc, "token") or text_of(doc, "access_token")
        if answer.status != 200 or not re.fullmatch(r"[!-~]+", token):
            raise self._refused(server, answer.status, credential)
        return f"Bearer {token}"

    def _refused(self, server: str, status: int, credential: Credential | None) -> AccessDenied:
        whom = f"the credentials of {credential.origin}" if credential else "an anonymous request"
        what = f"refused {whom} with status {status}" if status != 200 else "answered without a token"
        return AccessDenied(f"the token server {server} of {self.host} {what}", hint=self.advice)

    @property
    def advice(self) -> str:
        """What to try when access is denied."""
        if self.used.credential is not None:
            return f"check the entry in {self.used.credential.origin}, or log in again: docker login {self.host}"
        login = f"log in first: docker login {self.host}, or podman login {self.host}"
        return f"{self.used.trouble}; {login}" if self.used.trouble else login


def _server(realm: str) -> str:
    try:
        parts = urlsplit(realm)
    except ValueError:
        return ""
    return printable(parts.netloc.rpartition("@")[2], 100) if parts.scheme in ("http", "https") else ""


def _basic(credential: Credential) -> str:
    return "Basic " + base64.b64encode(f"{credential.username}:{credential.secret}".encode()).decode()
