"""Host keys: a known one is let pass, an unknown one is shown and has to be accepted by name, a changed one is refused.

The files are those of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; `@cert-authority` lines are passed over. The settings of
ssh_config that relax any of this are not followed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import paramiko

from ..errors import AccessDenied, SourceError
from .address import Endpoint

_WRITING = threading.Lock()


class UnknownHostKey(AccessDenied):
    """Nobody has vouched for this host's key yet. `fingerprint` is what accepting it takes."""

    def __init__(self, endpoint: Endpoint, key: paramiko.PKey) -> None:
        self.host, self.key_type, self.fingerprint = endpoint.known_name, key.get_name(), key.fingerprint
        super().__init__(
            f"the key of {self.host} is not known: {self.key_type} {self.fingerprint}",
            hint=f"compare it with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*.pub there); "
            f"then --accept {self.fingerprint}",
        )


class ChangedHostKey(AccessDenied):
    """The host shows another key than the one that is known: it was set up anew, or it is not that host."""

    def __init__(self, endpoint: Endpoint, key: paramiko.PKey, known: Known) -> None:
        self.host, self.key_type, self.fingerprint = endpoint.known_name, key.get_name(), key.fingerprint
        self.known = known
        super().__init__(
            f"THE KEY OF {self.host} HAS CHANGED: it shows {self.key_type} {self.fingerprint}, "
            f"{known.path} line {known.line} has {known.key_type} {known.fingerprint}. "
            "Somebody may be listening in; nothing was sent",
            hint=f"if you know why it changed: ssh-keygen -f {known.path} -R '{self.host}'",
        )


class RevokedHostKey(AccessDenied):
    """A known_hosts file says that this key is never to be trusted again."""


@dataclass(frozen=True, slots=True)
class Known:
    """One key that a file has for a host."""

    path: Path
    line: int
    key_type: str
    base64: str
    revoked: bool = False

    @property
    def fingerprint(self) -> str:
        try:
            digest = hashlib.sha256(base64.b64decode(self.base64)).digest()
        except ValueError:
            return "that cannot be read"
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def known_keys(endpoint: Endpoint) -> list[Known]:
    """All keys that are known for a host, of the user's files and the system's."""
    return [known for path in endpoint.known_hosts for known in _read(path, endpoint.known_name)]


def verify(endpoint: Endpoint, key: paramiko.PKey, accept: Collection[str] = ()) -> None:
    """Let a host's key pass, or raise UnknownHostKey, ChangedHostKey or RevokedHostKey.

    A key that is unknown and whose fingerprint (`SHA256:...`) is among `accept` is written to the user's known_hosts.
    """
    known = known_keys(endpoint)
    same = [one for one in known if (one.key_type, one.base64) == (key.get_name(), key.get_base64())]
    if any(one.revoked for one in same):
        raise RevokedHostKey(f"the key of {endpoint.known_name} is revoked: {key.get_name()} {key.fingerprint}")
    trusted = [one for one in known if not one.revoked]
    if any(one in trusted for one in same):
        return
    if trusted:
        raise ChangedHostKey(endpoint, key, trusted[0])
    if key.fingerprint not in accept:
        raise UnknownHostKey(endpoint, key)
    remember(endpoint, key)


def remember(endpoint: Endpoint, key: paramiko.PKey) -> None:
    """Write a key to the first known_hosts file of a host."""
    if not endpoint.known_hosts:
        return
    path = endpoint.known_hosts[0]
    line = f"{endpoint.known_name} {key.get_name()} {key.get_base64()}\n".encode()
    try:
        with _WRITING:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(fd, "r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                whole = end == 0 or os.pread(fd, 1, end - 1) == b"\n"
                file.write(line if whole else b"\n" + line)
    except OSError as error:
        raise SourceError(f"the key cannot be written to {path}: {error.strerror}") from None


def _read(path: Path, name: str) -> Iterator[Known]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", "@revoked"):
            continue
        if _matches(words[0], name):
            yield Known(path, number, words[1], words[2], marker == "@revoked")


def _matches(hosts: str, name: str) -> bool:
    if hosts.startswith("|1|"):
        _, _, salt, digest = (*hosts.split("|"), "", "")[:4]
        try:
            wanted = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
            return hmac.compare_digest(wanted, base64.b64decode(digest))
        except ValueError:
            return False
    found = False
    for pattern in hosts.lower().split(","):
        literal = pattern.replace("[", "[[]")  # brackets stand for themselves: [host]:port
        if literal.startswith("!") and fnmatchcase(name, literal[1:]):
            return False
        found = found or fnmatchcase(name, literal)
    return found
