"""What tests need from the machine: programs, their Debian packages, and whether they need root."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.services.process import unavailable


@dataclass(frozen=True, slots=True)
class Need:
    """One program. Absolute candidates come first: a `docker` of another make may stand earlier in PATH."""

    package: str
    candidates: tuple[str, ...]
    root: bool = False


NEEDS = {
    "apt": Need("apt", ("apt-get",)),
    "buildah": Need("buildah", ("/usr/bin/buildah", "buildah"), root=True),
    "busybox": Need("busybox-static", ("/bin/busybox", "busybox")),
    "chromium": Need("chromium", ("/usr/bin/chromium", "chromium", "chromium-browser")),
    "containerd": Need("containerd", ("/usr/bin/containerd", "containerd"), root=True),
    "ctr": Need("containerd", ("/usr/bin/ctr", "ctr"), root=True),
    "debootstrap": Need("debootstrap", ("/usr/sbin/debootstrap", "debootstrap"), root=True),
    "docker": Need("docker.io", ("/usr/bin/docker", "docker"), root=True),
    "docker-registry": Need("docker-registry", ("/usr/bin/docker-registry", "docker-registry")),
    "dockerd": Need("docker.io", ("/usr/sbin/dockerd", "/usr/bin/dockerd", "dockerd"), root=True),
    "htpasswd": Need("apache2-utils", ("/usr/bin/htpasswd", "htpasswd")),
    "openssl": Need("openssl", ("/usr/bin/openssl", "openssl")),
    "podman": Need("podman", ("/usr/bin/podman", "podman"), root=True),
    "skopeo": Need("skopeo", ("/usr/bin/skopeo", "skopeo")),
    "ssh-keygen": Need("openssh-client", ("/usr/bin/ssh-keygen", "ssh-keygen")),
    "sshd": Need("openssh-server", ("/usr/sbin/sshd", "sshd")),
    "sudo": Need("sudo", ("/usr/bin/sudo", "sudo"), root=True),
    "umoci": Need("umoci", ("/usr/bin/umoci", "umoci")),
    "xz": Need("xz-utils", ("/usr/bin/xz", "xz")),
    "zstd": Need("zstd", ("/usr/bin/zstd", "zstd")),
}


def need(name: str) -> Path:
    """The program of this name in `NEEDS`; without it the test is skipped, and fails where CI=true."""
    wanted = NEEDS[name]
    found = next(filter(None, map(shutil.which, wanted.candidates)), None)
    if found is None:
        unavailable(f"{name} is not installed (Debian package {wanted.package})")
    if wanted.root and os.geteuid() != 0:
        unavailable(f"{name} needs root here")
    return Path(found)
