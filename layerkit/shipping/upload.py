"""For links that break: an archive in pieces over SFTP, resumed at the byte, checked on the far side, then loaded."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable
from contextlib import suppress

import paramiko

from ..digest import CHUNK
from ..errors import IntegrityError, LayerkitError, Refused
from ..hosts import Host, Result
from ..hosts.host import parse_df
from ..hosts.ssh import Ssh
from ..text import size_text
from .cargo import Cargo

FOLDER = ".cache/layerkit"
"""In the home folder of who logs in: nobody else can put anything there."""

_DIGEST_OF_START = 'head -c "$2" -- "$1" | sha256sum'


def upload(shell: Ssh, cargo: Cargo, tick: Callable[[int], None]) -> str:
    """Bring an archive over, or the rest of it; `tick` is told of bytes that need not be sent, too, as 0.

    Returns its path there. Raises IntegrityError where what arrived is not what was sent, Unreachable where the
    connection broke: what has arrived by then is not sent again.
    """
    with shell.files() as files:
        path = _place(files, cargo)
        have = _size(files, path)
        have = have if have <= cargo.size else 0
        _check_space(shell, path, cargo.size - have)
        start = _digest(shell, path, have) if have else None
        whole = hashlib.sha256()
        with files.open(path, "r+" if have else "w") as file:
            files.chmod(path, 0o600)
            file.set_pipelined(True)
            at = 0
            for chunk in cargo.chunks():
                skipped = min(len(chunk), max(0, have - at))
                whole.update(chunk[:skipped])
                at += skipped
                if skipped and at == have:
                    if start not in (None, whole.hexdigest()):
                        files.remove(path)
                        raise IntegrityError(
                            f"what an earlier upload left on {shell.name} was not the start of this; it was removed",
                            hint="ship again",
                        )
                    file.seek(have)
                rest = chunk[skipped:]
                if rest:
                    whole.update(rest)
                    file.write(rest)
                    at += len(rest)
                tick(len(rest))
        _check(shell, files, path, cargo, whole.hexdigest())
    return path


def load_uploaded(host: Host, shell: Ssh, path: str) -> Result:
    """Load an archive that is there already, and remove it whatever comes of that, unless the connection breaks."""
    result = host.shell.run(host.load_command, file=path, timeout=None)
    with suppress(LayerkitError), shell.files() as files:
        files.remove(path)
    return result


def _place(files: paramiko.SFTPClient, cargo: Cargo) -> str:
    folder = files.normalize(".")
    for part in FOLDER.split("/"):
        folder = posixpath.join(folder, part)
        with suppress(OSError):  # it is there
            files.mkdir(folder, 0o700)
    return posixpath.join(folder, f"{cargo.identity[:40]}.arriving")


def _size(files: paramiko.SFTPClient, path: str) -> int:
    try:
        return files.stat(path).st_size or 0
    except FileNotFoundError:
        return 0


def _check_space(shell: Ssh, path: str, need: int) -> None:
    result = shell.run(["df", "-Pk", "--", posixpath.dirname(path)])
    free = parse_df(result.text) if result.ok else None
    if free is not None and free < need:
        raise Refused(
            f"{shell.name} has {size_text(free)} free in {posixpath.dirname(path)}, {size_text(need)} are to come",
            hint="--via stream needs no file there",
        )


def _check(shell: Ssh, files: paramiko.SFTPClient, path: str, cargo: Cargo, expected: str) -> None:
    arrived = _digest(shell, path, cargo.size)
    size = _size(files, path)
    if arrived is None:
        arrived = _read_back(files, path)
    if arrived != expected or size != cargo.size:
        files.remove(path)
        raise IntegrityError(
            f"what arrived on {shell.name} is not what was sent: {size} bytes of {cargo.size}, sha256 {arrived[:12]}, "
            f"expected {expected[:12]}; it was removed",
            hint="ship again; is the disk there in order?",
        )


def _digest(shell: Ssh, path: str, size: int) -> str | None:
    """What the host's own sha256sum says of the first bytes; None where it has none."""
    result = shell.run(["sh", "-c", _DIGEST_OF_START, "sh", path, str(size)], timeout=None)
    said = result.text[:64]
    return said if result.ok and len(said) == 64 else None


def _read_back(files: paramiko.SFTPClient, path: str) -> str:
    hasher = hashlib.sha256()
    with files.open(path, "r") as file:
        file.prefetch()
        while data := file.read(CHUNK):
            hasher.update(data)
    return hasher.hexdigest()
