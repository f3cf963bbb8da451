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
from typing import Any, Protocol

from layerkit.compression import detect, inflate
from layerkit.digest import chain_ids, sha256
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
    blobs: dict[str, Files] = field(default_factory=dict)
    """The same by the digest of what is stored."""

    def learn(self, frames: Frames) -> None:
        archive = frames.archive
        assert archive is not None
        for member in archive.members.all:
            if member.kind == "file":
                with archive.backing.open(member) as stream:
                    data = stream.read()
                with suppress(tarfile.TarError, FormatError):  # no tar, and no layer
                    plain = b"".join(inflate(iter([data]), detect(data[:512])))
                    files = self.layers.setdefault(sha256(plain), files_of(plain))
                    self.blobs[sha256(data)] = files

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
    known = [loader for loader in LOADERS if loader.name == name and "-" not in loader.version]
    return next(loader for loader in known if number(loader.version) <= number(version))


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def usable(service: Docker | Podman | Ctr, references: list[str], wanted: list[Files | None]) -> bool:
    """Whether each image can be exported and has one of the `wanted` sets of files; there must be an image."""
    for reference in references:
        with tempfile.TemporaryDirectory() as folder:
            exported = Path(folder, "exported.tar")
            if not service.create_and_export(reference, exported).ok:
                return False
            found = files_of(exported.read_bytes()) if exported.stat().st_size else {}
        if not any(files is not None and files.items() <= found.items() for files in wanted):
            return False
    return bool(references)


def documents(frames: Frames) -> Iterator[dict[str, Any]]:
    """Every JSON object of an archive."""
    archive = frames.archive
    assert archive is not None
    for member in archive.members.all:
        if member.kind == "file" and archive.backing.head(member)[:1] == b"{":
            with archive.backing.open(member) as stream, suppress(ValueError):
                yield json.loads(stream.read())


def promised(frames: Frames) -> list[tuple[str, ...]]:
    """The diff IDs of every config that is in the archive, whoever reads which."""
    found = {alignment.config.diff_ids for alignment in frames.alignments}
    if frames.archive and frames.archive.format == "legacy":
        found.add(())
    for document in documents(frames):
        with suppress(LookupError, TypeError):
            found.add(tuple(document["rootfs"]["diff_ids"]))
    return sorted(diff_ids for diff_ids in found if all(isinstance(text, str) for text in diff_ids))


def listed(frames: Frames, contents: Contents) -> Iterator[Files | None]:
    """The files of the layers that each OCI manifest lists, if they are as many as its config promises."""
    most = max(map(len, promised(frames)), default=0)
    for document in documents(frames):
        with suppress(LookupError, TypeError):
            layers = [contents.blobs[layer["digest"]] for layer in document["layers"]]
            if len(layers) >= most:
                yield {name: digest for layer in layers for name, digest in layer.items()}


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
        # An ID behind a name is the same image again, because the name is not good enough.
        names = re.findall(r"^Loaded image(?: ID)?: (.+)$(?!\nLoaded image ID)", done.stdout, re.MULTILINE)
        legacy = frames.archive is not None and frames.archive.format == "legacy"
        if legacy and done.ok:
            names = self.docker.images()
        wanted = [contents.files(diff_ids) for diff_ids in promised(frames)]
        whole = done.ok and usable(self.docker, names, wanted)
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
        names = re.findall(r"^unpacking (.+) \(", done.stdout, re.MULTILINE)
        lines = [line for line in text.splitlines() if not line.startswith(("unpacking ", "time="))]
        tops = [list(chain_ids(diff_ids))[-1] for diff_ids in promised(frames) if diff_ids]
        wanted = [contents.files(diff_ids) for diff_ids in promised(frames)]
        whole = done.ok and bool(names) and any(usable(self.ctr, [top], wanted) for top in tops)
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
        wanted = [contents.files(diff_ids) for diff_ids in promised(frames)]
        if number(self.podman.version) < (5, 4):  # it compares no diff IDs of an OCI archive
            wanted += listed(frames, contents)
        whole = done.ok and usable(self.podman, names, wanted)
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
            whole = done.ok and complete(Path(folder)) and self.skopeo.run("inspect", "--config", f"dir:{folder}").ok
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
