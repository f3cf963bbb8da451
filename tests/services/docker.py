"""Real Docker daemons, 20.10 (bookworm) and 26.1 (trixie): the machine's own, else that of a chroot."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.chroot import enter_chroot, need_chroot
from tests.services.need import need
from tests.services.process import Daemon, Outcome, daemon, private_root, run

SUITES = {"20.10": "bookworm", "26.1": "trixie"}


@dataclass(frozen=True, slots=True)
class Docker:
    """A daemon with the client of its version. Files pass through stdin and stdout, never by name."""

    version: str
    store: str
    socket: Path
    root: Path
    pid: int
    command: tuple[str, ...]

    @property
    def host(self) -> str:
        """What DOCKER_HOST must be, for a client of your own."""
        return f"unix://{self.socket}"

    def run(
        self,
        *args: str,
        stdin: Path | bytes | None = None,
        stdout: Path | None = None,
        buildkit: bool = False,
        timeout: float = 120,
    ) -> Outcome:
        env = {"HOME": "/nonexistent", "DOCKER_BUILDKIT": "1" if buildkit else "0"}
        return run([*self.command, *args], stdin=stdin, stdout=stdout, env=env, timeout=timeout)

    def load(self, archive: Path) -> Outcome:
        return self.run("load", stdin=archive)

    def save(self, archive: Path, *references: str) -> Outcome:
        return self.run("save", *references, stdout=archive)

    def build(self, context: bytes, reference: str, *, buildkit: bool = False) -> Outcome:
        """Build from a tar of the context, without network. BuildKit needs the client of 20.10, or buildx."""
        command = ("build", "--network", "none", "-t", reference, "-")
        return self.run(*command, stdin=context, buildkit=buildkit, timeout=300)

    def inspect(self, reference: str) -> dict[str, Any]:
        """`docker image inspect` of one image; AssertionError where it is not there."""
        found: dict[str, Any] = json.loads(self.run("image", "inspect", reference).expect().stdout)[0]
        return found

    def images(self) -> list[str]:
        """References of what is there, sorted; `<none>:<none>` for an image without a tag."""
        listed = self.run("images", "--format", "{{.Repository}}:{{.Tag}}").expect()
        return sorted(listed.stdout.split())

    def create_and_export(self, reference: str, archive: Path) -> Outcome:
        """Every file of the image in one tar, proof that all its layers are there; nothing of it is run."""
        created = self.run("create", "--network", "none", reference, "/none")
        if not created.ok:
            return created
        container = created.stdout.strip()
        # Not `docker export`, after which 26.1 keeps the layers until it is restarted (moby#48516).
        exported = self.run("cp", f"{container}:/.", "-", stdout=archive)
        self.run("rm", "-f", container).expect()
        return exported

    def clear(self) -> None:
        """Empty the store: no container, no image, no layer."""
        if containers := self.run("ps", "-aq").expect().stdout.split():
            self.run("rm", "-f", *containers).expect()
        while images := self.run("images", "-aq", "--no-trunc").expect().stdout.split():
            if not self.run("rmi", "-f", *dict.fromkeys(images)).ok:
                break
        self.run("image", "prune", "-af").expect()


@contextlib.contextmanager
def run_docker(version: str, *, containerd_store: bool = False) -> Iterator[Docker]:
    """A daemon of this version ("20.10" or "26.1"), without network, its state in a private folder.

    The classic store uses the vfs driver, which every file system can carry. `containerd_store` (26.1) is
    asked for in daemon.json; its snapshotter is `native`, for the same reason.
    """
    dockerd, docker = need("dockerd"), need("docker")
    own = f"version {version}." in run([dockerd, "--version"]).stdout
    folder = None if own else need_chroot(SUITES[version])
    with private_root("docker") as root:
        inside = str(root) if folder is None else "/mnt"
        features = {"features": {"containerd-snapshotter": True}} if containerd_store else {}
        (root / "daemon.json").write_text(json.dumps(features))
        argv = [
            str(dockerd) if folder is None else "dockerd",
            f"--config-file={inside}/daemon.json",
            f"--data-root={inside}/root",
            f"--exec-root={inside}/exec",
            f"--host=unix://{inside}/docker.sock",
            f"--pidfile={inside}/pid",
            f"--storage-driver={'native' if containerd_store else 'vfs'}",
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
        ]
        client = [str(docker), "--host", f"unix://{root}/docker.sock"]
        command = argv if folder is None else enter_chroot(folder, root, argv)

        def ready() -> bool:
            return (root / "docker.sock").exists() and run([*client, "version"], timeout=20).ok

        with daemon(command, log=root / "log", ready=ready, isolated=True) as process:
            yield _describe(version, containerd_store, root, process, client, inside, folder)


def _describe(
    version: str,
    containerd_store: bool,
    root: Path,
    process: Daemon,
    client: list[str],
    inside: str,
    folder: Path | None,
) -> Docker:
    if folder is not None:  # the client of that release, in the namespace and the root of its daemon
        enter = ["nsenter", f"--target={process.pid}", "--mount", "--root", "--wd=/", "docker"]
        client = [*enter, "--host", f"unix://{inside}/docker.sock"]
    return Docker(
        version=run([*client, "version", "--format", "{{.Server.Version}}"]).expect().stdout.strip(),
        store="containerd" if containerd_store else "classic",
        socket=root / "docker.sock",
        root=root / "root",
        pid=process.pid,
        command=tuple(client),
    )
