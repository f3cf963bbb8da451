"""containerd by itself, and `ctr`, which imports archives without Docker."""

from __future__ import annotations

import contextlib
import hashlib
import json
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
        """Every file of the unpacked image in one tar, from a copy of its topmost snapshot.

        Not `ctr images mount`, which in 1.6 unpacks into the default snapshotter whatever it is told to.
        """
        snapshots = ("snapshots", "--snapshotter", "native")
        copy = f"copy-{archive.name}"
        made = self.run(*snapshots, "prepare", copy, self._top(reference))  # unlike a view, not collected
        if not made.ok:
            return made
        try:
            mount = self.run(*snapshots, "mounts", "/target", copy).expect().stdout.split()
            folder = mount[mount.index("/target") - 1]
            return run([*self.enter, "tar", "-C", folder, "-cf", "-", "."], stdout=archive)
        finally:
            self.run(*snapshots, "remove", copy)

    def _top(self, reference: str) -> str:
        """The chain ID of an image, or the reference itself where the image is not to be read."""
        listed = self.run("images", "list", f"name=={reference}").stdout.splitlines()[1:]
        if not listed:
            return reference
        manifest = json.loads(self.run("content", "get", listed[0].split()[2]).stdout or "{}")
        digest = manifest.get("config", {}).get("digest", "")
        config = json.loads(self.run("content", "get", digest).stdout or "{}")
        chain = ""
        for diff_id in config.get("rootfs", {}).get("diff_ids", []):
            chain = "sha256:" + hashlib.sha256(f"{chain} {diff_id}".encode()).hexdigest() if chain else diff_id
        return chain or reference

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
