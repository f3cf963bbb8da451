"""A token server for docker-registry's `auth: token` (distribution, docs/spec/auth): RS256, certificate inside."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

SERVICE, ISSUER = "layerkit-registry", "layerkit-tokens"


@dataclass
class TokenServer:
    """`settings` is for `run_registry(token=...)`.

    Anyone may pull what is in `public`; `users` (name to password) and holders of an `identities` token may do
    everything. `lifetime` is that of the tokens, in seconds. `requests` are (method, parameters, had a password).
    """

    settings: dict[str, str]
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)
    users: dict[str, str] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)
    public: set[str] = field(default_factory=set)
    lifetime: int = 300
    requests: list[tuple[str, dict[str, str], bool]] = field(default_factory=list)

    def issue(self, subject: str, scope: str) -> str:
        """A signed token for what `subject` ("" for anyone) may do of `scope`."""
        access = []
        for part in scope.split():
            kind, _, rest = part.partition(":")
            name, _, actions = rest.rpartition(":")
            allowed = [a for a in actions.split(",") if subject or (a == "pull" and name in self.public)]
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "nbf": now - 60,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        chain = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        header = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        signed = f"{_pack(header)}.{_pack(claims)}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def allow(self, method: str, asked: dict[str, str], basic: str) -> str | None:
        """The subject of a request, None where it is turned away."""
        if method == "POST":
            return "identity" if asked.get("refresh_token") in self.identities else None
        if not basic:
            return ""
        name, _, password = base64.b64decode(basic).decode().partition(":")
        return name if name in self.users and self.users[name] == password else None


@contextlib.contextmanager
def run_token_server(folder: Path) -> Iterator[TokenServer]:
    """Serve on a free port of the loopback; the certificate goes into `folder`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle = folder / "token.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        realm = f"http://127.0.0.1:{server.server_address[1]}/token"
        settings = {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(bundle)}
        tokens = TokenServer(settings, certificate, key)
        server.tokens = tokens  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield tokens
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def _answer(self, query: str) -> None:
        tokens: TokenServer = self.server.tokens  # type: ignore[attr-defined]
        asked = {key: " ".join(values) for key, values in parse_qs(query).items()}
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        tokens.requests.append((self.command, asked, bool(basic)))
        subject = tokens.allow(self.command, asked, basic)
        if subject is None:
            status, body = 401, {"details": "incorrect username or password"}
        else:
            named = "access_token" if self.command == "POST" else "token"
            status, body = 200, {named: tokens.issue(subject, asked.get("scope", ""))}
        packed = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)


def _pack(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
