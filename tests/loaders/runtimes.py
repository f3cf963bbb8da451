"""Real programs that load an archive, and what they did, in the terms of a `Verdict`."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from layerkit.compression import detect, inflate
from layerkit.digest import chain_ids
from layerkit.errors import FormatError
from layerkit.frames import Frames
from layerkit.loaders import LOADERS
from layerkit.loaders.model import Loader
from tests.services import Ctr, Docker, Outcome, Podman, Skopeo, run_containerd, run_docker, run_podman, run_skopeo

Files = dict[str, str]
"""Regular files by name, as digests of their contents."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one program did: what it returned, what it said, and whether every layer of every image is in place."""

    exit: int
    message: str
    usable: bool


@dataclass
class Contents:
    """What is in layers, by diff ID: learnt from every archive that is loaded, since thin ones lack some."""

    layers: dict[str, Files] = field(default_factory=dict)

    def learn(self, frames: Frames) -> None:
        archive = frames.archive
        assert archive is not None
        for member in archive.members.all:
            if member.kind == "file":
                with archive.backing.open(member) as stream:
                    data = stream.read()
                with suppress(tarfile.TarError, FormatError):  # no tar, and no layer
                    plain = b"".join(inflate(iter([data]), detect(data[:512])))
                    self.layers.setdefault(f"sha256:{hashlib.sha256(plain).hexdigest()}", files_of(plain))

    def files(self, diff_ids: tuple[str, ...]) -> Files | None:
        """The files of an image with these layers; None where a layer was never seen."""
        found: Files = {}
        for diff_id in diff_ids:
            if (layer := self.layers.get(diff_id)) is None:
                return None
            found |= layer
        return {name: digest for name, digest in found.items() if ".wh." not in name}


def files_of(data: bytes) -> Files:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        members = [m for m in tar if m.isreg()]
        read = {m.name.removeprefix("./"): tar.extractfile(m) for m in members}
        return {name: hashlib.sha256(file.read()).hexdigest() for name, file in read.items() if file is not None}


class Runtime(Protocol):
    """One program in a state of its own."""

    loader: Loader

    def load(self, archive: Path, frames: Frames, contents: Contents) -> Observed: ...
    def clear(self) -> None: ...


def model(name: str, version: str) -> Loader:
    """The newest model that is not newer than the program."""
    number = _number(version)
    known = [loader for loader in LOADERS if loader.name == name and "-" not in loader.version]
    return next(loader for loader in known if _number(loader.version) <= number)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def usable(service: Docker | Podman | Ctr, references: list[str], frames: Frames, contents: Contents) -> bool:
    """Whether each image can be exported with all the files of all its layers; there must be one."""
    wanted = [contents.files(diff_ids) for diff_ids in promised(frames)]
    for reference in references:
        with tempfile.TemporaryDirectory() as folder:
            exported = Path(folder, "exported.tar")
            if not service.create_and_export(reference, exported).ok:
                return False
            found = files_of(exported.read_bytes()) if exported.stat().st_size else {}
        if not any(files is not None and files.items() <= found.items() for files in wanted):
            return False
    return bool(references)


def promised(frames: Frames) -> list[tuple[str, ...]]:
    """The diff IDs of every config that is in the archive, whoever reads which."""
    archive = frames.archive
    assert archive is not None
    found = {alignment.config.diff_ids for alignment in frames.alignments}
    if archive.format == "legacy":
        found.add(())
    for member in archive.members.all:
        if member.kind == "file" and archive.backing.head(member)[:1] == b"{":
            with archive.backing.open(member) as stream, suppress(ValueError, LookupError, TypeError):
                found.add(tuple(json.loads(stream.read())["rootfs"]["diff_ids"]))
    return sorted(found)


@dataclass
class DockerRuntime:
    docker: Docker

    def __post_init__(self) -> None:
        name = "docker-containerd" if self.docker.store == "containerd" else "docker-classic"
        self.loader = model(name, self.docker.version)

    def load(self, archive: Path, frames: Frames, contents: Contents) -> Observed:
        done = self.docker.load(archive)
        text = both(done)
        for root in (str(self.docker.root), "/mnt/root"):
            text = text.replace(root, "<ROOT>")
        names = re.findall(r"^Loaded image(?: ID)?: (\S+)$", done.stdout, re.MULTILINE)
        legacy = frames.archive is not None and frames.archive.format == "legacy"
        if legacy and done.ok:
            names = self.docker.images()
        whole = done.ok and usable(self.docker, names, frames, contents)
        return Observed(done.exit, text, whole)

    def clear(self) -> None:
        self.docker.clear()


@dataclass
class CtrRuntime:
    ctr: Ctr

    def __post_init__(self) -> None:
        self.loader = model("containerd", self.ctr.version)

    def load(self, archive: Path, frames: Frames, contents: Contents) -> Observed:
        done = self.ctr.load(archive)
        text = both(done).replace(f"{self.ctr.root}/root", "<ROOT>")
        names = re.findall(r"^unpacking (\S+) \(", done.stdout, re.MULTILINE)
        lines = [line for line in text.splitlines() if not line.startswith(("unpacking ", "time="))]
        tops = [list(chain_ids(diff_ids))[-1] for diff_ids in promised(frames) if diff_ids]
        whole = done.ok and bool(names) and any(usable(self.ctr, [top], frames, contents) for top in tops)
        return Observed(done.exit, "\n".join(lines), whole)

    def clear(self) -> None:
        self.ctr.clear()


@dataclass
class PodmanRuntime:
    podman: Podman

    def __post_init__(self) -> None:
        self.loader = model("podman", self.podman.version)

    def load(self, archive: Path, frames: Frames, contents: Contents) -> Observed:
        done = self.podman.load(archive)
        printed = done.stderr.replace(str(archive), "ARCHIVE").replace(str(self.podman.root), "/var/tmp")
        bullets = [line[3:] for line in printed.splitlines() if line.startswith(" * ")]
        names = re.findall(r"^Loaded image: (\S+)$", done.stdout, re.MULTILINE)
        whole = done.ok and usable(self.podman, names, frames, contents)
        return Observed(done.exit, "\n".join(bullets) if done.exit else "", whole)

    def clear(self) -> None:
        self.podman.clear()


@dataclass
class SkopeoRuntime:
    skopeo: Skopeo

    def __post_init__(self) -> None:
        self.loader = model("skopeo", self.skopeo.version)

    def load(self, archive: Path, frames: Frames, contents: Contents) -> Observed:
        assert frames.archive is not None
        transport = "oci-archive" if frames.archive.format == "oci-archive" else "docker-archive"
        with tempfile.TemporaryDirectory() as folder:
            done = self.skopeo.copy(f"{transport}:{archive}", f"dir:{folder}")
            whole = done.ok and complete(Path(folder))
        text = done.stderr.replace(str(archive), "ARCHIVE").replace(str(self.skopeo.root), "/var/tmp")
        if done.exit == 2:
            text = text.splitlines()[0]
        text = re.sub(r'^time="[^"]*" ', "", text, flags=re.MULTILINE)
        return Observed(done.exit, text if done.exit else "", whole)

    def clear(self) -> None:
        pass


def complete(folder: Path) -> bool:
    """Whether a `dir:` is a whole image: every layer the config promises, with its contents."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    try:
        config = json.loads((folder / manifest["config"]["digest"].partition(":")[2]).read_bytes())
        promised = (config.get("rootfs") or {}).get("diff_ids") or []
    except (ValueError, AttributeError, TypeError):
        return False
    found = []
    for layer in manifest["layers"]:
        data = (folder / layer["digest"].partition(":")[2]).read_bytes()
        algorithm = layer["digest"].partition(":")[0]
        plain = b"".join(inflate(iter([data]), detect(data[:512])))
        found.append(f"{algorithm}:{hashlib.new(algorithm, plain).hexdigest()}")
    return found == promised


def both(done: Outcome) -> str:
    return "\n".join(filter(None, (done.stdout.strip(), done.stderr.strip())))


RUNTIMES = ("docker20", "docker26", "docker26c", "podman", "skopeo", "ctr")


@contextmanager
def run_runtime(name: str) -> Iterator[Runtime]:
    """A program of `RUNTIMES`, started for this call alone."""
    with ExitStack() as stack:
        if name.startswith("docker"):
            version = f"{name[6:8]}.{'10' if name == 'docker20' else '1'}"
            yield DockerRuntime(stack.enter_context(run_docker(version, containerd_store=name.endswith("c"))))
        elif name == "podman":
            yield PodmanRuntime(stack.enter_context(run_podman()))
        elif name == "ctr":
            yield CtrRuntime(stack.enter_context(run_containerd()))
        else:
            yield SkopeoRuntime(stack.enter_context(run_skopeo()))
