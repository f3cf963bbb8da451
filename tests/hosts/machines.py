"""Machines to connect to: real sshds on the loopback, a runtime behind each, a user with a password on one."""

from __future__ import annotations

import contextlib
import shlex
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerkit.hosts import Host, connect
from layerkit.hosts.asking import Question
from tests.services import Ctr, Docker, Podman, Sshd, free_port, need, private_root, run, run_sshd
from tests.services.process import daemon, listens

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BARE = {"SHLVL": "2"}
"""Debian's bash reads ~/.bashrc under sshd below this level: whatever is in that of the user who runs the tests."""
PASSWORD = "correct horse 'battery' $staple"


def nobody(question: Question) -> str | None:
    """Nobody is there to answer."""
    return None


@dataclass(frozen=True)
class Machine:
    """An sshd, a configuration whose alias `box` leads to it, and the runtime behind it."""

    sshd: Sshd
    config: Path
    service: Any = None
    options: Mapping[str, Any] | None = None

    def connect(self, **options: Any) -> Host:
        return connect("box", config=self.config, **{"ask": nobody, **(self.options or {}), **options})


def write_config(path: Path, sshd: Sshd, alias: str = "box", **more: object) -> Path:
    """A block of ~/.ssh/config, added to what is there; keywords take the place of what is usual."""
    settings: dict[str, object] = {
        "HostName": sshd.host,
        "Port": sshd.port,
        "User": sshd.user,
        "IdentityFile": sshd.key,
        "UserKnownHostsFile": sshd.known_hosts,
        "GlobalKnownHostsFile": "none",
        "IdentityAgent": "none",
    }
    settings.update(more)
    lines = [f"Host {alias}", *(f"  {key} {value}" for key, value in settings.items())]
    with path.open("a") as file:
        file.write("\n".join(lines) + "\n")
    return path


def wrap(folder: Path, name: str, argv: Sequence[str]) -> None:
    """A program of this name that is another with its first arguments given."""
    program = folder / name
    program.write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n')
    program.chmod(0o755)


@contextlib.contextmanager
def run_machine(service: Docker | Podman | Ctr | None = None) -> Iterator[Machine]:
    """A machine whose users find this runtime, and no other, under its usual name."""
    with private_root("machine") as folder:
        env = {"PATH": f"{folder}:{PATH}", **BARE}
        options: dict[str, Any] = {}
        if isinstance(service, Docker):
            env["DOCKER_HOST"] = service.host
            wrap(folder, "docker", service.command)
            options["runtime"] = "docker"
            if service.store == "containerd":
                enter = service.command[: service.command.index("docker")]
                wrap(folder, "ctr", [*enter, "ctr", "-a", "/mnt/exec/containerd/containerd.sock"])
        elif isinstance(service, Podman):
            wrap(folder, "podman", ["unshare", "--mount", "--propagation", "private", "--", *service.command])
            options["runtime"] = "podman"
        elif isinstance(service, Ctr):
            wrap(folder, "ctr", service.command)
            options |= {"runtime": "containerd", "snapshotter": "native"}
        with run_sshd(env=env) as sshd:
            yield Machine(sshd, write_config(folder / "config", sshd), service, options)


@contextlib.contextmanager
def run_guest_sshd(sudoers: str = "", options: str = "", sftp: str = "internal-sftp") -> Iterator[Sshd]:
    """An sshd that knows the user `guest` with PASSWORD, who has these rights in sudo.

    In a mount namespace with an /etc/passwd, shadow and sudoers.d of its own: the machine's stay as they are.
    """
    program, keygen, openssl = need("sshd"), need("ssh-keygen"), need("openssl")
    with private_root("guest") as root:
        for name in ("host", "user"):
            run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", root / name]).expect()
        port = free_port()
        public = (root / "host.pub").read_text().split()
        (root / "known_hosts").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
        (root / "home").mkdir()
        (root / "home").chmod(0o777)
        lines = ["root:x:0:0::/root:/bin/sh", "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin"]
        (root / "passwd").write_text("\n".join([*lines, f"guest:x:4242:4242::{root}/home:/bin/sh"]) + "\n")
        hashed = run([openssl, "passwd", "-6", "-stdin"], stdin=PASSWORD.encode()).expect().stdout.strip()
        (root / "shadow").write_text(f"root:*:19000::::::\nsshd:!:19000::::::\nguest:{hashed}:19000:0:99999:7:::\n")
        (root / "shadow").chmod(0o600)
        (root / "sudoers.d").mkdir()
        (root / "sudoers.d" / "guest").write_text(f"Defaults !lecture\n{sudoers}\n")
        (root / "sudoers.d" / "guest").chmod(0o440)
        (root / "config").write_text(
            f"{options}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {root}/host\n"
            f"AuthorizedKeysFile {root}/user.pub\n"
            f"PidFile {root}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication yes\nMaxAuthTries 10\n"
            f'Subsystem sftp {sftp}\nSetEnv "PATH={PATH}"\n'
        )
        mounts = [f"mount --bind {root}/{name} /etc/{name}" for name in ("passwd", "shadow")]
        if sudoers:
            mounts.append(f"mount --bind {root}/sudoers.d /etc/sudoers.d")
        script = " && ".join([*mounts, "mkdir -p /run/sshd", f"exec {program} -D -e -f {root}/config"])
        with daemon(["sh", "-c", script], log=root / "log", ready=lambda: listens(port), isolated=True):
            yield Sshd("127.0.0.1", port, "guest", root / "user", root / "known_hosts", root, root / "log")


@contextlib.contextmanager
def run_guest_machine(service: Docker) -> Iterator[Sshd]:
    """A machine on which `guest` may run this Docker with sudo, and has to type PASSWORD for both."""
    with private_root("guests") as folder:
        folder.chmod(0o755)
        wrap(folder, "docker", service.command)
        path = f"{folder}:{PATH}"
        rights = f"Defaults secure_path={path}\nguest ALL=(root) {folder}/docker"
        with run_guest_sshd(rights, options=f'SetEnv "PATH={path}"') as sshd:
            yield sshd


class Cable:
    """A TCP connection to a port that can be cut, after so many bytes towards it or at once."""

    def __init__(self, port: int, cut_after: int | None = None) -> None:
        self._there, self._left = port, cut_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = 0
        """Bytes that came back from there."""
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._there))
                self._ends += [here, there]
                for pair in ((here, there, True), (there, here, False)):
                    self._threads.append(threading.Thread(target=self._carry, args=pair))
                    self._threads[-1].start()

    def _carry(self, source: socket.socket, target: socket.socket, towards: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if towards and self._left is not None:
                    self._left -= len(data)
                    if self._left < 0:
                        break
                if not towards:
                    self.received += len(data)
                target.sendall(data)
        self._cut(source, target)

    def _cut(self, *ends: socket.socket) -> None:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Cable:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut(*self._ends)
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()
