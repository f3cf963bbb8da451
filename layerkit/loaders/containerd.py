"""`docker load` into Docker's containerd store, and `ctr images import`: `ImportIndex`, then record and unpack.

- moby `daemon/containerd/image_exporter.go`, `LoadImage`: every platform is taken, absent manifests are skipped, the
  host's are unpacked. A failure is an error until 27.1, and since 27.2 (728894b7d0) a line on stdout, exit code 0.
- containerd `cmd/ctr/commands/images/import.go`: the host's platform only. Up to 1.7, and with `--local`, an image is
  recorded, then unpacked by `client/image.go`; since 2.0 the transfer service (`core/transfer/local/import.go`,
  `core/unpack/unpacker.go`) unpacks before it records.

Observed with the native snapshotter for Docker, which mounts every layer, and overlayfs for ctr, only the lowest one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from ..compression import Compression
from ..frames import Frames
from ..messages import containerd, docker, golang
from ..verdict import Verdict
from . import naming
from .descriptors import (
    CONFIGS,
    INDEXES,
    MANIFESTS,
    SNIFFED,
    UNKNOWN_DIGEST,
    Descriptor,
    Manifest,
    NotFound,
    Platform,
    is_layer,
)
from .docker import familiar, parse_name
from .model import ROOT, TEMP, Form, Loader, Outcome, Refusal, held_by, judge
from .unpacking import Dialect, Unpacker, is_pseudo
from .view import archive_view


class Import(Unpacker, ABC):
    """What both programs begin with."""

    def run(self) -> Outcome:
        try:
            if self.view.outer not in self.dialect.outer:
                raise Refusal(golang.INVALID_TAR_HEADER.format())
            top = self.content.import_index()
            visited = self.content.walk(top, self.keeps, skip_missing=self.dialect.docker)
            usable = self.load(tuple(filter(self.keeps, top)), visited)
        except Refusal as refusal:
            return Outcome(1, "\n".join([*self.printed, self.dialect.prefix + refusal.message]), usable=False)
        return Outcome(0, "\n".join(self.printed), usable)

    @abstractmethod
    def load(self, images: tuple[Descriptor, ...], visited: list[Descriptor]) -> bool:
        """Record and unpack; whether every image can be used afterwards. Raises Refusal."""

    def record(self, images: tuple[Descriptor, ...]) -> None:
        """core/metadata/images.go, `validateTarget`."""
        for image in images:
            if not (image.name or self.dialect.docker):
                continue
            words = ""
            if image.digest != UNKNOWN_DIGEST and (fault := naming.digest_fault(image.digest)):
                words = containerd.TARGET_DIGEST.format(digest=image.digest, reason=fault)
            elif image.size <= 0:
                words = containerd.TARGET_SIZE.format()
            elif not image.media_type:
                words = containerd.MEDIA_TYPE_UNSET.format()
            if words:
                words = words if self.dialect.library >= (2, 2) else "T" + words[1:]
                raise Refusal(("InvalidArgument: " if self.dialect.classes else "") + words)


@dataclass(frozen=True, slots=True)
class Record:
    """One image record: its name in the store, the name that is printed, the line, whether `docker run` finds it."""

    name: str
    label: str
    line: str
    reachable: bool


class DockerLoad(Import):
    """`LoadImage`: each record in turn, a failure printed behind its name, or ending the load."""

    def load(self, images: tuple[Descriptor, ...], visited: list[Descriptor]) -> bool:
        self.record(images)
        usable = True
        for image in images:
            found = False
            for record in self.records(image):
                error = self.unpack_image(image, record.name)
                if error and not self.dialect.soft:
                    raise Refusal(containerd.UNPACK_LOADED.format() + error)
                self.printed.append(record.line)
                if error:
                    self.printed.append(containerd.UNPACKING.format(name=record.label) + error)
                usable = usable and not error
                found = found or record.reachable
            usable = usable and found and self.complete(image)
        return usable

    def records(self, image: Descriptor) -> Iterator[Record]:
        """The names an image gets. One is found again only under its normalised form, so any other is lost.

        An image without a valid name gets a dangling one besides (`WithDigestRef`).
        """
        full = ""
        if image.name:
            label = image.name
            try:
                full = normalized(image.name)
                label = familiar(parse_name(full, newer=True))
            except Refusal:
                pass
            yield Record(image.name, label, docker.LOADED.format(name=label), full == image.name)
        if not full:
            line = docker.LOADED_ID.format(digest=image.digest)
            yield Record(f"moby-dangling@{image.digest}", image.digest, line, reachable=True)

    def candidates(self, image: Descriptor) -> Iterator[tuple[Manifest, Platform]]:
        """The manifests of an image that are there and are images (`walkImageManifests`); errors are only logged."""
        for descriptor in self.manifests(image):
            try:
                manifest = self.content.manifest(descriptor)
                if not is_pseudo(descriptor, manifest):
                    platform = self.platform(descriptor, manifest)
                    yield manifest, platform if platform.architecture else self.host
            except Refusal:
                continue

    def unpack_image(self, image: Descriptor, name: str) -> str:
        """Unpack each manifest for the host, unless the snapshot of its top layer is there. Returns the error."""
        if image.media_type not in MANIFESTS | INDEXES:
            return containerd.NEITHER.format(name=name)
        for manifest, platform in self.candidates(image):
            if platform == self.host and not self.is_unpacked(manifest):
                try:
                    self.unpack(manifest, name)
                except Refusal as refusal:
                    return "" if self.unreadable(manifest) else refusal.message
        return ""

    def unreadable(self, manifest: Manifest) -> bool:
        """Whether the config keeps `IsUnpacked` from an answer: no unpacking is tried, and nothing printed."""
        try:
            return bool(self.content.config(manifest.config)[1])
        except NotFound:
            return True

    def is_unpacked(self, manifest: Manifest) -> bool:
        """`IsUnpacked`: counts and content are not looked at where the chain ID at the top has a snapshot."""
        if self.unreadable(manifest):
            return False
        diff_ids = self.content.config(manifest.config)[0].diff_ids
        return bool(diff_ids) and self.target.has("chain_id", self.view.chains(diff_ids)[-1])

    def complete(self, image: Descriptor) -> bool:
        """Whether a container could be made: from the host's manifest, or from another where there is none."""
        found = list(self.candidates(image))
        hosts = [manifest for manifest, platform in found if platform == self.host]
        if hosts:
            return all(self.is_unpacked(m) or self.can_unpack(m) for m in hosts)
        return any(self.can_unpack(manifest) for manifest, _ in found)


class Import1(Import):
    """ctr up to 1.7 and with `--local`: every image that got a name is unpacked, whatever its platform."""

    def load(self, images: tuple[Descriptor, ...], visited: list[Descriptor]) -> bool:
        self.record(images)
        named = [image for image in images if image.name]
        for image in named:
            self.unpack(self.choose(image), image.name)
        return bool(named)

    def choose(self, image: Descriptor) -> Manifest:
        """`images.Manifest`: a manifest is itself; an index gives the first one for the host."""
        if image.media_type in MANIFESTS:
            return self.content.manifest(image)
        if image.media_type not in INDEXES:
            raise Refusal(containerd.UNEXPECTED_TYPE.format(media_type=image.media_type, digest=image.digest))
        for descriptor in self.manifests(image):
            manifest = self.content.manifest(descriptor)
            if self.platform(descriptor, manifest) == self.host:
                return manifest
        raise Refusal(containerd.NO_MATCH.format(digest=image.digest))


class Import2(Import):
    """The transfer service: each manifest that was walked is unpacked, and the images are recorded last.

    A manifest without layers, for another platform, or with a `rootfs.type` that is not `layers` is not unpacked.
    """

    def load(self, images: tuple[Descriptor, ...], visited: list[Descriptor]) -> bool:
        usable = True
        for descriptor in visited:
            if descriptor.media_type in MANIFESTS:
                usable = self.take(self.content.manifest(descriptor)) and usable
        self.record(images)
        return usable and any(image.name for image in images)

    def take(self, manifest: Manifest) -> bool:
        layers = tuple(layer for layer in manifest.layers if is_layer(layer.media_type))
        if manifest.config.media_type not in CONFIGS or not layers:
            return self.can_unpack(manifest)
        config, error = self.content.config(manifest.config)
        if error:
            raise Refusal(containerd.UNMARSHAL_CONFIG.format() + error)
        if config.rootfs_type not in (None, "", "layers"):
            return self.can_unpack(manifest)
        self.count(layers, config)
        if Platform.of(config.os, config.architecture, config.variant) != self.host:
            return self.can_unpack(manifest)
        self.apply(layers, config)
        return True


def normalized(text: str) -> str:
    """A name with its registry and tag. Raises Refusal."""
    name = parse_name(text, newer=True)
    return str(name) if name.tag or name.digest else f"{name}:latest"


DIALECTS: dict[str, Dialect] = {}
"""What differs between the models of this module, by their full names."""
_FORMATS: tuple[Form, ...] = ("docker-archive", "oci-archive", "universal")
_THIN: tuple[Form, ...] = ("oci-archive", "universal")
_PLAIN_ONLY: tuple[Compression, ...] = ("",)
_MOUNT = f"tmpmounts/containerd-mount{TEMP}"


def _loader(dialect: Dialect, run: type[Import], versions: str, command: str, notes: str) -> Loader:
    def check(frames: Frames) -> Verdict:
        view = archive_view(frames)
        held = view.held
        classic = dialect.docker and held is not None and held.store not in ("", "containerd")
        held = held_by(held, "docker" if dialect.docker else "containerd", other_store=classic)
        return judge(dialect.name, dialect.version, held, lambda target: run(view, dialect, target).run())

    DIALECTS[f"{dialect.name}@{dialect.version}"] = dialect
    return Loader(
        name=dialect.name,
        version=dialect.version,
        versions=versions,
        command=command,
        identity="chain_id",
        formats=_FORMATS,
        layers=SNIFFED,
        outer=dialect.outer,
        partial=_THIN,
        check=check,
        notes=notes,
    )


def _docker(version: str, versions: str, library: tuple[int, int], *, soft: bool) -> Loader:
    dialect = Dialect(
        name="docker-containerd",
        version=version,
        library=library,
        outer=("", "gzip", "bzip2", "xz", "zstd"),
        mounts=f"{ROOT}/{_MOUNT}" if library >= (2, 2) else f"{ROOT}/containerd/daemon/{_MOUNT}",
        pigz=library >= (2, 2),
        docker=True,
        soft=soft,
        classes=library >= (2, 0),
    )
    silent = "a layer that cannot be unpacked is a line on stdout: exit code 0, `Loaded image`, and a broken image"
    return _loader(dialect, DockerLoad, versions, "docker load", silent if soft else "a broken image stays recorded")


def _ctr(version: str, versions: str, library: tuple[int, int], run: type[Import], option: str = "") -> Loader:
    dialect = Dialect(
        name="containerd",
        version=version,
        library=library,
        outer=SNIFFED if run is Import2 else _PLAIN_ONLY,
        mounts=f"{ROOT}/{_MOUNT}",
        pigz=True,
        prefix="ctr: ",
        transfer=run is Import2,
    )
    notes = "takes the host's platform only; an image without a name is not recorded"
    return _loader(dialect, run, versions, f"ctr images import{option}", notes)


LOADERS = (
    _docker("29.7", "29.0 and later", (2, 4), soft=True),
    _docker("28.5", "27.2 to 28.5", (2, 1), soft=True),
    _docker("26.1", "25.0 to 27.1", (1, 7), soft=False),
    _ctr("2.4", "2.2 and later", (2, 4), Import2),
    _ctr("2.4-local", "2.2 and later", (2, 4), Import1, " --local"),
    _ctr("1.6", "1.6 to 1.7.12", (1, 6), Import1),
)
