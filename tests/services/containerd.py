"""containerd by itself, and `ctr`, which imports archives without Docker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.services.need import need
from tests.services.process import Outcome, daemon, private_root, run

CONFIG = """version = 2
root = "{root}/root"
state = "{root}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{root}/containerd.sock"
[ttrpc]
  address = "{root}/containerd.sock.ttrpc"
"""


@dataclass(frozen=True, slots=True)
class Ctr:
    """A containerd of its own. Snapshots are `native` (plain copies), which every file system can carry."""

    version: str
    root: Path
    socket: Path
    command: tuple[str, ...]
    enter: tuple[str, ...]

    def run(
        self, *args: str | Path, stdin: Path | None = None, stdout: Path | None = None, timeout: float = 120
    ) -> Outcome:
        return run([*self.command, *args], stdin=stdin, stdout=stdout, timeout=timeout)

    def load(self, archive: Path, *options: str) -> Outcome:
        """`ctr images import`: every platform in the archive, unpacked."""
        return self.run("images", "import", "--snapshotter", "native", *options, archive)

    def save(self, archive: Path, *references: str) -> Outcome:
        return self.run("images", "export", archive, *references)

    def images(self) -> list[str]:
        return sorted(self.run("images", "list", "-q").expect().stdout.split())

    def create_and_export(self, reference: str, archive: Path) -> Outcome:
        """Every file of the unpacked image in one tar, from a read-only view of its snapshot."""
        with private_root("mount") as folder:
            mounted = self.run("images", "mount", "--snapshotter", "native", reference, folder)
            if not mounted.ok:
                return mounted
            try:
                return run([*self.enter, "tar", "-C", folder, "-cf", "-", "."], stdout=archive)
            finally:
                self.run("images", "unmount", "--rm", folder)
                self.run("snapshots", "--snapshotter", "native", "remove", folder)

    def clear(self) -> None:
        """Remove every image, and wait until its content and snapshots are collected."""
        if images := self.images():
            self.run("images", "remove", "--sync", *images).expect()


@contextlib.contextmanager
def run_containerd() -> Iterator[Ctr]:
    """containerd with its own root, state and socket."""
    containerd, ctr = need("containerd"), need("ctr")
    with private_root("ctr") as root:
        (root / "config.toml").write_text(CONFIG.format(root=root))
        socket = root / "containerd.sock"
        command = (str(ctr), "-a", str(socket))

        def ready() -> bool:
            return socket.exists() and run([*command, "version"], timeout=20).ok

        argv: list[str | Path] = [containerd, "-c", root / "config.toml"]
        with daemon(argv, log=root / "log", ready=ready, isolated=True) as process:
            # Mounts made by ctr must land in the daemon's namespace, and go with it.
            enter = ("nsenter", f"--target={process.pid}", "--mount", "--wd=/")
            version = run([containerd, "--version"]).expect().stdout.split()[2]
            yield Ctr(version, root, socket, (*enter, *command), enter)
