"""podman, buildah and skopeo: no daemon, private storage, a mount namespace for every call."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.need import need
from tests.services.process import Outcome, isolate, private_root, run


@dataclass(frozen=True, slots=True)
class Storage:
    """podman or buildah over one private containers/storage (vfs)."""

    version: str
    root: Path
    command: tuple[str, ...]

    def run(
        self, *args: str | Path, stdin: Path | None = None, stdout: Path | None = None, timeout: float = 120
    ) -> Outcome:
        env = {
            "HOME": str(self.root),
            "REGISTRY_AUTH_FILE": str(self.root / "auth.json"),
            "TMPDIR": str(self.root),
        }
        command = isolate([*self.command, *args])
        return run(command, stdin=stdin, stdout=stdout, env=env, timeout=timeout)

    def inspect(self, reference: str) -> dict[str, Any]:
        """podman: `image inspect`; buildah: `inspect --type image` (its own shape)."""
        buildah = Path(self.command[0]).name == "buildah"
        kind = ("inspect", "--type", "image") if buildah else ("image", "inspect")
        found = json.loads(self.run(*kind, reference).expect().stdout)
        described: dict[str, Any] = found if isinstance(found, dict) else found[0]
        return described

    def images(self) -> list[str]:
        listed = self.run("images", "--format", "{{.Repository}}:{{.Tag}}" if self._podman else "{{.Name}}:{{.Tag}}")
        return sorted(listed.expect().stdout.split())

    def clear(self) -> None:
        """Empty the storage."""
        self.run("rm", "-af" if self._podman else "-a").expect()
        self.run("rmi", "-af").expect()

    @property
    def _podman(self) -> bool:
        return Path(self.command[0]).name == "podman"


class Podman(Storage):
    """podman with the calls that have a counterpart in Docker."""

    __slots__ = ()

    def load(self, archive: Path) -> Outcome:
        return self.run("load", "-i", archive)

    def save(self, archive: Path, *references: str, format: str = "docker-archive") -> Outcome:
        several = ("--multi-image-archive",) if len(references) > 1 else ()
        return self.run("save", "--format", format, *several, "-o", archive, *references)

    def create_and_export(self, reference: str, archive: Path) -> Outcome:
        """Every file of the image in one tar, proof that all its layers are there; nothing of it is run."""
        created = self.run("create", "--network", "none", reference, "/none")
        if not created.ok:
            return created
        container = created.stdout.strip()
        exported = self.run("export", container, stdout=archive)
        self.run("rm", "-f", container).expect()
        return exported


class Buildah(Storage):
    """buildah; `pull` and `push` take transports (`docker-archive:FILE`, `oci-archive:FILE` ...)."""

    __slots__ = ()

    def load(self, archive: Path, transport: str = "docker-archive") -> Outcome:
        return self.run("pull", f"{transport}:{archive}")

    def save(self, archive: Path, reference: str, transport: str = "docker-archive") -> Outcome:
        return self.run("push", reference, f"{transport}:{archive}:{reference}")


@dataclass(frozen=True, slots=True)
class Skopeo:
    """skopeo; it keeps no images, so there is nothing to clear."""

    version: str
    root: Path
    command: tuple[str, ...]

    def run(self, *args: str | Path, timeout: float = 120) -> Outcome:
        env = {"HOME": str(self.root), "REGISTRY_AUTH_FILE": str(self.root / "auth.json")}
        return run([*self.command, *args], env=env, timeout=timeout)

    def copy(self, source: str, target: str, *options: str) -> Outcome:
        return self.run("copy", *options, source, target)

    def load(self, archive: Path, transport: str = "docker-archive") -> Outcome:
        """Read an archive in full, as a load would, into a folder that is thrown away."""
        with private_root("skopeo-dir") as folder:
            return self.copy(f"{transport}:{archive}", f"dir:{folder}")


@contextlib.contextmanager
def run_podman() -> Iterator[Podman]:
    """podman with its own root, run root and temporary folder."""
    program = need("podman")
    with private_root("podman") as root:
        _write_no_credentials(root)
        command = (
            str(program),
            *("--root", str(root / "root"), "--runroot", str(root / "run"), "--tmpdir", str(root / "tmp")),
            *("--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"),
        )
        yield Podman(_version(program), root, command)


@contextlib.contextmanager
def run_buildah() -> Iterator[Buildah]:
    """buildah with its own root and run root."""
    program = need("buildah")
    with private_root("buildah") as root:
        _write_no_credentials(root)
        storage = ("--root", str(root / "root"), "--runroot", str(root / "run"), "--storage-driver", "vfs")
        yield Buildah(_version(program), root, (str(program), *storage))


@contextlib.contextmanager
def run_skopeo() -> Iterator[Skopeo]:
    """skopeo, with no credentials but its own."""
    program = need("skopeo")
    with private_root("skopeo") as root:
        _write_no_credentials(root)
        yield Skopeo(_version(program), root, (str(program), "--insecure-policy", "--tmpdir", str(root)))


def _write_no_credentials(root: Path) -> None:
    (root / "auth.json").write_text("{}")


def _version(program: Path) -> str:
    """The number in "podman version 4.3.1", "buildah version 1.28.2 (image-spec ...)"."""
    words = run([program, "--version"]).expect().stdout.split()
    return words[words.index("version") + 1]
