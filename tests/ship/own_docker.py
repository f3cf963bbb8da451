"""A Docker that a test may break, behind its own sshd."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.hosts.machines import Machine, run_machine
from tests.services import Docker, need, private_root, run, unavailable
from tests.services.process import daemon


@contextlib.contextmanager
def run_own_docker(*, driver: str = "vfs", disk: str = "", again: bool = False) -> Iterator[Machine]:
    """Docker 20.10 that a test may break: its root on a disk of this size, or started anew when it ends."""
    dockerd, docker = need("dockerd"), need("docker")
    if "version 20.10." not in run([dockerd, "--version"]).stdout:
        unavailable("Docker 20.10 is not this machine's own")
    with private_root("own") as root:
        (root / "root").mkdir()
        (root / "none").write_text("{}")
        start = (
            f"{dockerd} --config-file={root}/none --data-root={root}/root --exec-root={root}/exec "
            f"--host=unix://{root}/docker.sock --pidfile={root}/pid "
            f"--storage-driver={driver} --iptables=false --bridge=none"
        )
        mount = f"mount -t tmpfs -o size={disk} tmpfs {root}/root && " if disk else ""
        script = f"{mount}{start}; rm -f {root}/pid; exec {start}" if again else f"{mount}exec {start}"
        client = [str(docker), "--host", f"unix://{root}/docker.sock"]

        def ready() -> bool:
            return (root / "docker.sock").exists() and run([*client, "version"], timeout=20).ok

        with daemon(["sh", "-c", script], log=root / "log", ready=ready, isolated=True) as process:
            version = run([*client, "version", "--format", "{{.Server.Version}}"]).expect().stdout.strip()
            service = Docker(version, "classic", root / "docker.sock", root / "root", process.pid, tuple(client))
            with run_machine(service) as machine:
                yield machine
