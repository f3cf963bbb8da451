"""Who to be at a registry: docker's config.json with its helpers, and podman's auth.json.

Files and order follow containers/image (pkg/docker/config, `getPathsWithHomeDir`), the form of the entries is docker's
(cli/config/configfile, `decodeAuth`), the talk with a helper that of docker-credential-helpers (client, `Get`).
A secret is in no repr, no message and no log: what is told is which file or helper it came from.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..document import Document, field_of, text_of, texts_of
from ..errors import FormatError, NotFound
from ..text import printable

LOG = logging.getLogger(__name__)

_HUB = "docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_KEY = "https://index.docker.io/v1/"
"""What `docker login` files the Docker Hub under (registry/config.go, `IndexServer`)."""

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HELPER_BYTES, _HELPER_SECONDS = 64 << 10, 30.0
_TOKEN_USER = "<token>"
"""The user name by which a helper says that its secret is an identity token (docker/cli, `tokenUsername`)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A way to log in. `kind` is how `secret` is meant: a password, an identity (refresh) token, a registry token."""

    username: str = field(repr=False)
    secret: str = field(repr=False)
    kind: str = "password"
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a search came to: a credential or none, and what went wrong on the way, fit for a hint."""

    credential: Credential | None = None
    trouble: str = ""


def find_credential(
    host: str,
    repository: str = "",
    *,
    authfile: str = "",
    environ: Mapping[str, str] | None = None,
    seconds: float = _HELPER_SECONDS,
) -> Lookup:
    """The credential for `host`, and for `repository` there where a file tells repositories apart.

    Parameters
    ----------
    host
        As references write it: `docker.io`, `registry.example:5000`.
    authfile
        Only this file is read; else `REGISTRY_AUTH_FILE` if set; else docker's config.json, then podman's auth.json.
    seconds
        How long one credential helper may take.

    Raises NotFound or FormatError for a file that was named and cannot be read; other faults are `trouble`.
    """
    environ = os.environ if environ is None else environ
    named = authfile or environ.get("REGISTRY_AUTH_FILE", "")
    troubles: list[str] = []
    for path in [Path(named).expanduser()] if named else default_files(environ):
        config = _read(path, required=bool(named), troubles=troubles)
        credential = _from_file(config, path, _normal(host), repository, environ, seconds, troubles)
        if credential is not None:
            LOG.info("%s: credentials from %s", printable(host), credential.origin)
            return Lookup(credential)
    LOG.debug("%s: no credentials found, asking anonymously", printable(host))
    return Lookup(None, "; ".join(dict.fromkeys(troubles)))


def default_files(environ: Mapping[str, str]) -> list[Path]:
    """Where credentials are looked for when no file is named, first come first."""
    home = Path(environ.get("HOME") or Path.home())
    docker = Path(environ["DOCKER_CONFIG"]) if environ.get("DOCKER_CONFIG") else home / ".docker"
    settings = Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME") else home / ".config"
    podman = [settings / "containers/auth.json"]
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        podman.insert(0, Path(runtime) / "containers/auth.json")
    else:
        podman.insert(0, Path(f"/run/containers/{os.getuid()}/auth.json"))
    return [docker / "config.json", *podman]


def _read(path: Path, *, required: bool, troubles: list[str]) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            document = Document.parse(file.read((1 << 20) + 1), limit=1 << 20)
    except OSError as error:
        absent = isinstance(error, FileNotFoundError | NotADirectoryError)
        if required:
            raise NotFound(f"the credentials file {path} cannot be read: {error.strerror}") from None
        if not absent:
            troubles.append(f"{path} cannot be read: {error.strerror}")
        return {}
    if isinstance(document.value, dict):
        return document.value
    fault = "not a JSON object" if not document.fault or document.fault.startswith("not JSON") else document.fault
    if required and document.fault != "empty":
        raise FormatError(f"the credentials file {path} is {fault}")
    troubles.append(f"{path} is {fault}")
    return {}


def _from_file(
    config: Mapping[str, Any],
    path: Path,
    host: str,
    repository: str,
    environ: Mapping[str, str],
    seconds: float,
    troubles: list[str],
) -> Credential | None:
    helpers = {_normal(key): name for key, name in texts_of(field_of(config, "credHelpers")).items()}
    for name in dict.fromkeys(filter(None, (helpers.get(host, ""), text_of(config, "credsStore")))):
        credential, trouble = ask_helper(name, host, environ, seconds)
        if credential is not None:
            return credential
        if trouble:
            troubles.append(trouble)
    auths = field_of(config, "auths")
    for key, entry in _by_key(auths if isinstance(auths, dict) else {}, host, repository):
        if isinstance(entry, dict) and (credential := _decode(entry, f"{path} ({printable(key, 100)})")):
            return credential
    return None


def _by_key(auths: Mapping[str, Any], host: str, repository: str) -> Iterator[tuple[str, Any]]:
    """Entries that speak of `host`, the narrowest namespace first (containers-auth.json(5), "auths")."""
    found = []
    for key, entry in auths.items():
        server, _, path = _bare(key).partition("/")
        namespace = "" if path in ("v1", "v2") else path
        if _normal(server) == host and (not namespace or f"{repository}/".startswith(f"{namespace}/")):
            found.append((-len(namespace), key, entry))
    yield from ((key, entry) for _, key, entry in sorted(found, key=lambda item: item[0]))


def _bare(key: str) -> str:
    return key.strip().removeprefix("https://").removeprefix("http://").rstrip("/")


def _normal(key: str) -> str:
    server = _bare(key).partition("/")[0].lower()
    return _HUB if server in _HUB_NAMES else server


def _decode(entry: Mapping[str, Any], origin: str) -> Credential | None:
    if token := text_of(entry, "registrytoken"):
        return Credential("", token, "registry-token", origin)
    username, secret = text_of(entry, "username"), text_of(entry, "password")
    if packed := text_of(entry, "auth"):
        try:
            plain = base64.b64decode(packed, validate=False).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            LOG.warning("%s: its `auth` is not base64; passed over", origin)
            return None
        username, _, secret = plain.partition(":")
        secret = secret.rstrip("\0")
    if token := text_of(entry, "identitytoken"):
        return Credential(username, token, "identity-token", origin)
    return Credential(username, secret, "password", origin) if username or secret else None


def ask_helper(
    name: str, host: str, environ: Mapping[str, str], seconds: float = _HELPER_SECONDS
) -> tuple[Credential | None, str]:
    """Ask `docker-credential-NAME get`; the second value says what went wrong, "" where it just knows nothing."""
    if not _HELPER.fullmatch(name):
        return None, f"a credential helper has the impossible name {printable(name, 40)!r}"
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environ.get("PATH"))
    if path is None:
        return None, f"the credential helper {program} is not in PATH"
    status, output = _exchange([path, "get"], _HUB_KEY if host == _HUB else host, environ, seconds)
    if status is None:
        return None, f"the credential helper {program} did not answer within {seconds:g} s"
    if status != 0 or len(output) > _HELPER_BYTES:
        known = b"credentials not found" in output.lower()
        why = f"exit {status}" if status else "it said too much"
        return None, "" if known else f"the credential helper {program} failed ({why})"
    answer = Document.parse(output).value
    if not isinstance(answer, dict):
        return None, f"the credential helper {program} did not answer in JSON"
    username, secret = text_of(answer, "Username"), text_of(answer, "Secret")
    if not secret:
        return None, ""
    kind = "identity-token" if username == _TOKEN_USER else "password"
    return Credential("" if kind == "identity-token" else username, secret, kind, program), ""


def _exchange(argv: list[str], line: str, environ: Mapping[str, str], seconds: float) -> tuple[int | None, bytes]:
    """Run a helper within bounds of time and output; None as its status where it was stopped for being slow."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError:
        return 126, b""
    late = threading.Event()

    def stop() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def expire() -> None:
        late.set()
        stop()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        with process, contextlib.suppress(BrokenPipeError):
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(line.encode())
                process.stdin.close()
            output = process.stdout.read(_HELPER_BYTES + 1)
            if len(output) > _HELPER_BYTES:
                stop()
    finally:
        timer.cancel()
    return (None, b"") if late.is_set() else (process.returncode, output)
