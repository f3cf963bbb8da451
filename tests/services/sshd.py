"""A real OpenSSH server on the loopback, with keys of its own, for the user who runs the tests."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services.need import need
from tests.services.process import daemon, free_port, listens, private_root, run


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running server: `known_hosts` holds its key, `key` is the private key that it lets in."""

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    root: Path
    log: Path


@contextlib.contextmanager
def run_sshd(*, env: Mapping[str, str] | None = None, options: tuple[str, ...] = ()) -> Iterator[Sshd]:
    """Start sshd; `env` is what a session finds in its environment (`{"DOCKER_HOST": docker20.host}`, PATH),

    `options` are lines that come first in its configuration, where the first value wins.
    """
    program, keygen = need("sshd"), need("ssh-keygen")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its chroot before login, named at compile time
    with private_root("sshd") as root:
        for name in ("host", "user"):
            run([keygen, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", root / name]).expect()
        port = free_port()
        public = (root / "host.pub").read_text().split()
        (root / "known_hosts").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
        lines = [
            *options,
            f"Port {port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {root / 'host'}",
            f"AuthorizedKeysFile {root / 'user.pub'}",
            f"PidFile {root / 'pid'}",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "Subsystem sftp internal-sftp",
        ]
        if env:
            lines.append("SetEnv " + " ".join(f'"{name}={value}"' for name, value in env.items()))
        (root / "config").write_text("\n".join(lines) + "\n")
        argv: list[str | Path] = [program, "-D", "-e", "-f", root / "config"]
        with daemon(argv, log=root / "log", ready=lambda: listens(port)):
            user = getpass.getuser()
            yield Sshd("127.0.0.1", port, user, root / "user", root / "known_hosts", root, root / "log")
