"""Real registries (distribution 2.8) on the loopback: plain, with TLS, with htpasswd, with tokens."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.need import need
from tests.services.process import daemon, free_port, listens, private_root, run


@dataclass(frozen=True, slots=True)
class Certificate:
    """Self-signed, for 127.0.0.1 and localhost; `path` is also the CA that a client must trust."""

    path: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry; `storage` is its folder (docker/registry/v2/...), to look at or to break."""

    address: str
    scheme: str
    storage: Path
    log: Path
    ca: Path | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"

    def requests(self) -> list[str]:
        """Lines of the access log, in the Apache form: how a test counts what was really asked for."""
        return [
            line for line in self.log.read_text(errors="replace").splitlines() if '" HTTP/' in line or "HTTP/1" in line
        ]


@contextlib.contextmanager
def run_registry(
    *,
    tls: bool = False,
    users: Mapping[str, str] | None = None,
    token: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Iterator[Registry]:
    """Start a registry.

    `tls` serves HTTPS with a certificate of its own (`Registry.ca`); `users` maps names to passwords (basic
    auth); `token` is distribution's `auth.token` section (realm, service, issuer, rootcertbundle); `config`
    is merged over the whole configuration last (`{"storage": {"delete": {"enabled": True}}}`).
    """
    program = need("docker-registry")
    with private_root("registry") as root:
        port = free_port()
        settings: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(root / "storage")}},
            "http": {"addr": f"127.0.0.1:{port}"},
        }
        ca = None
        if tls:
            certificate = make_certificate(root)
            ca = certificate.path
            settings["http"]["tls"] = {"certificate": str(certificate.path), "key": str(certificate.key)}
        if users:
            settings["auth"] = {"htpasswd": {"realm": "layerkit", "path": str(_write_htpasswd(root, users))}}
        if token:
            settings["auth"] = {"token": dict(token)}
        file = root / "config.yml"
        file.write_text(json.dumps(_merge(settings, config or {})))  # JSON is YAML
        log = root / "log"
        argv: list[str | Path] = [program, "serve", file]
        env = {"OTEL_TRACES_EXPORTER": "none"}
        with daemon(argv, log=log, ready=lambda: listens(port), env=env):
            yield Registry(f"127.0.0.1:{port}", "https" if tls else "http", root / "storage", log, ca)


def make_certificate(folder: Path) -> Certificate:
    """A key and a certificate for the loopback, valid for two days."""
    path, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run([need("openssl"), "req", *kind, "-keyout", key, "-out", path, *subject]).expect()
    return Certificate(path, key)


def _write_htpasswd(folder: Path, users: Mapping[str, str]) -> Path:
    lines = [
        run([need("htpasswd"), "-niB", "-C", "4", user], stdin=password.encode()).expect().stdout.strip()
        for user, password in users.items()
    ]
    path = folder / "htpasswd"
    path.write_text("\n".join(lines) + "\n")
    return path


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        both = isinstance(inner, dict) and isinstance(value, Mapping)
        merged[key] = _merge(inner or {}, value) if both else value
    return merged
