"""`docker load` into the classic store (graphdriver), 20.10 to 29: unpack everything, then manifest.json, then layers.

moby `image/tarexport/load.go` (`daemon/internal/image/tarexport/load.go` since 29): `Load`, `loadLayer`, `safePath`,
`legacyLoad`; `image/store.go`: `Create`; `layer/layer_store.go`: `registerWithDescriptor`. Where the checks changed:

- 23.0: null is refused (654f854fae), zstd is undone (e187eb2bb5), the operating system is compared, not parsed
- 24.0: no helper process unpacks any more, and its prefix goes
- 28.0: member names that climb out end the unpacking
- 29.0: archives without manifest.json are refused, not taken for legacy ones (033750cf80); new words (471f173170)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..compression import Compression
from ..digest import EMPTY
from ..frames import Frames
from ..image import Config
from ..messages import docker, golang, others
from ..sources import Member
from ..verdict import Need, Verdict
from . import gojson, legacy, naming
from .docker_documents import IMAGE, ITEMS, OLD_IMAGE
from .gotar import say
from .model import ROOT, TEMP, Form, Loader, Outcome, Refusal, Target, held_by, judge
from .tree import BASE, OutOfScope, Place, TooManyLinks
from .view import View, archive_view

MAX_DEPTH = 125
"""Layers of an image at most (layer/layer_store.go, `maxLayerDepth`)."""

Release = tuple[int, int]

_COMPONENT = re.compile(r"[A-Za-z0-9_-]+")
_KNOWN = re.compile(
    r"aix|android|darwin|dragonfly|freebsd|hurd|illumos|ios|js|linux|nacl|netbsd|openbsd|plan9|solaris|windows|zos|macos|"
    r"386|i386|amd64|amd64p32|x86_64|x86-64|arm|armbe|arm64|arm64be|aarch64|armhf|armel|ppc|ppc64|ppc64le|mips|mipsle|"
    r"mips64|mips64le|mips64p32|mips64p32le|riscv|riscv64|s390|s390x|sparc|sparc64|wasm",
    re.IGNORECASE,
)
"""containerd platforms/database.go, `isKnownOS`, `isKnownArch`, with the names `normalizeArch` knows."""


@dataclass
class Load:
    """One run of `Load`. Methods stand in the order of the checks; each raises Refusal with what is printed."""

    view: View
    target: Target
    release: Release
    undoes: tuple[Compression, ...]
    """Compressions that the daemon knows, of layers and of the whole."""
    pigz: bool
    printed: list[str] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)
    """Chain IDs that this run itself has put into the store."""

    def run(self) -> Outcome:
        try:
            self.untar()
            usable = self.load()
        except Refusal as refusal:
            return Outcome(refusal.exit_code, "\n".join([*self.printed, refusal.message]), usable=False)
        return Outcome(0, "\n".join(self.printed), usable)

    def untar(self) -> None:
        """Everything into a temporary directory (pkg/chrootarchive, `Untar`); outer compression is undone."""
        view = self.view
        prefix = docker.PROCESSING_TAR.format(status=1) if self.release < (24, 0) else ""
        if view.outer not in self.undoes:
            raise Refusal(prefix + golang.INVALID_TAR_HEADER.format())
        if self.release >= (28, 0):
            for member in view.members:
                if _climbs(member.name):
                    raise Refusal(docker.INVALID_ENTRY_NAME.format(member=member.name))
        if view.tree.broken_link is not None:
            target, link = view.tree.broken_link
            raise Refusal(prefix + golang.NO_LINK_TARGET.format(target=target, link=link))
        if view.spoiled and view.outer == "gzip":
            if prefix:  # the daemon notices, its helper process does not
                raise Refusal(docker.PROCESSING_STREAM.format(reason=golang.GZIP_CHECKSUM.format()))
            raise Refusal(golang.INVALID_TAR_HEADER.format())
        if view.end == "cut":
            raise Refusal(prefix + golang.UNEXPECTED_EOF.format())
        if view.end == "damaged":
            words = golang.INVALID_TAR_HEADER if view.archive.backing.first else golang.UNEXPECTED_EOF
            raise Refusal(prefix + words.format())

    def load(self) -> bool:
        place = self.place("manifest.json")
        if place.file is None and not place.directory:
            if self.release >= (29, 0):
                raise Refusal(docker.NO_MANIFEST.format())
            return legacy.run(self)
        items, error = self.view.decode(self.existing(place), ITEMS, stream=True)
        if error:
            prefix = docker.UNDECODABLE_MANIFEST.format() if self.release >= (29, 0) else ""
            raise Refusal(prefix + error)
        if items is None and self.release >= (23, 0):  # `validateManifest`
            raise Refusal(docker.NULL_MANIFEST.format())
        image_ids: list[str] = []
        named = 0
        for item in items or ():
            config = self.config(gojson.pick(item, "Config") or "")
            paths = tuple(path or "" for path in gojson.pick(item, "Layers") or ())
            if len(paths) != len(config.diff_ids):
                raise Refusal(docker.LENGTH_MISMATCH.format(manifest=len(paths), diff_ids=len(config.diff_ids)))
            self.layers(paths, config)
            self.create(config)
            image_ids.append(docker.LOADED_ID.format(digest=config.digest))
            named = 0
            for tag in gojson.pick(item, "RepoTags") or ():
                self.printed.append(docker.LOADED.format(name=self.tag(tag or "")))
                named += 1
        if not named:
            self.printed.extend(image_ids)
        return bool(items)

    def place(self, path: str) -> Place:
        """`safePath`: where a path leads inside the temporary directory."""
        try:
            place = self.view.tree.find(path)
        except OutOfScope as error:
            raise Refusal(docker.OUT_OF_SCOPE.format(path=f"{ROOT}/{error.path}", root=ROOT, temp=TEMP)) from None
        except TooManyLinks:
            raise Refusal(docker.TOO_MANY_LINKS.format(path=_full(path))) from None
        if place.below_file:
            raise Refusal(golang.LSTAT_NOT_A_DIRECTORY.format(path=_full(place.path)))
        return place

    def open(self, place: Place) -> bytes:
        """The bytes of a JSON file."""
        return self.view.read(self.existing(place))

    def existing(self, place: Place) -> Member:
        if place.directory:
            if not place.path:
                raise Refusal(docker.PATH_IS_DIRECTORY.format(root=ROOT, temp=TEMP))
            raise Refusal(golang.READ_DIRECTORY.format(path=_full(place.path)))
        if place.file is None:
            raise Refusal(docker.MEMBER_ABSENT.format(root=ROOT, temp=TEMP, path=place.path))
        return place.file

    def config(self, path: str) -> Config:
        """`image.NewFromJSON`, then the operating system."""
        member = self.existing(self.place(path))
        document, error = self.view.decode(member, IMAGE if self.release >= (23, 0) else OLD_IMAGE)
        if error:
            raise Refusal(error)
        config = self.view.config(member)
        if gojson.pick(document, "rootfs") is None:
            raise Refusal(docker.NO_ROOTFS.format())
        self.check_os(config.os, will_read=bool(config.diff_ids))
        return config

    def check_os(self, os: str, *, will_read: bool) -> None:
        """`image.CheckOS` since 23.0; `checkCompatibleOS` before, which took any known system and crashed later."""
        if self.release >= (23, 0):
            if os and os.lower() != "linux":
                raise Refusal(docker.WRONG_OS.format(os=os, host="linux"))
            return
        if os in ("", "linux"):
            return
        if os == "windows":
            raise Refusal(docker.WRONG_OS.format(os=os, host="linux"))
        if "*" in os:
            raise Refusal(docker.WILDCARD_OS.format(os=os))
        for part in os.split("/"):
            if not _COMPONENT.fullmatch(part):
                raise Refusal(docker.INVALID_OS.format(component=part, os=os))
        if "/" not in os and not _KNOWN.fullmatch(os):
            raise Refusal(docker.UNKNOWN_OS.format(os=os))
        if will_read:  # no layer store for that system: a nil map entry is called
            raise Refusal(legacy.CRASH)

    def layers(self, paths: tuple[str, ...], config: Config) -> None:
        """Look up the chain ID first; only a layer that is not in the store is read (`lss.Get`, `loadLayer`)."""
        chains = self.view.chains(config.diff_ids)
        for i, (path, diff_id) in enumerate(zip(paths, config.diff_ids, strict=True)):
            place = self.place(path)
            chain = chains[i]
            if self.target.has("chain_id", chain) or chain in self.loaded:
                continue
            need = Need(i, diff_id, "chain_id", chain)
            # An empty file stands in for a layer left out: what is in the store is not read.
            absent = place.file is None or (place.file.size == 0 and diff_id != EMPTY)
            if absent and self.target.supposes(need):
                continue
            found = self.register(self.existing(place), diff_id, depth=i)
            if found != diff_id:
                raise Refusal(docker.INVALID_DIFF_ID.format(layer=i, expected=diff_id, computed=found))
            self.loaded.add(chain)

    def register(self, member: Member, promised: str, depth: int) -> str:
        """Decompress, unpack and hash (`RegisterWithDescriptor`, `applyTar`); returns the diff ID."""
        if depth >= MAX_DEPTH:
            raise Refusal(docker.MAX_DEPTH.format())
        stored = self.view.compression(member)
        undone: Compression = stored if stored in self.undoes else ""
        fault = self.view.fault(member, undone, promised)
        if fault:
            prefix = docker.APPLY_LAYER.format(status=1) if self.release < (24, 0) else ""
            raise Refusal(prefix + say(fault, undone, pigz=self.pigz))
        measured = self.view.measured(member)
        if measured is None:
            self.target.trusted = True
            return promised
        return (measured.digest if undone != stored else measured.diff_id) or promised

    def create(self, config: Config) -> None:
        """image/store.go, `Create`."""
        if sum(not entry.empty_layer for entry in config.history) > len(config.diff_ids):
            raise Refusal(docker.TOO_MANY_HISTORY.format())

    def tag(self, tag: str) -> str:
        """The familiar name. A bad one ends the load after the image was stored."""
        name = parse_name(tag, newer=self.release >= (23, 0))
        if not name.tag:
            raise Refusal(docker.INVALID_TAG.format(reference=tag))
        return familiar(name)


def parse_name(text: str, *, newer: bool) -> naming.Name:
    """`reference.ParseNormalizedNamed`. Raises Refusal.

    In distribution/reference since 2.8.2 (`newer`) a first part in upper case is a host, and the error about case tells
    which path it is about.
    """
    first, slash, rest = text.partition("/")
    shouting = newer and bool(slash) and first.lower() != first
    host = bool(slash) and (bool(set(first) & set(".:")) or first == "localhost" or shouting)
    path = (rest if host else text if slash else f"library/{text}").partition(":")[0]
    try:
        if shouting and path.lower() == path:
            return naming.parse(text)
        return naming.parse_normalized(text)
    except naming.InvalidName as error:
        words = str(error)
        if words == others.REFERENCE_CASE_OLD.text and newer:
            words = others.REFERENCE_CASE.format(name=path)
        raise Refusal(words) from None


def familiar(name: naming.Name) -> str:
    """`reference.FamiliarString`: without docker.io and library/."""
    return str(name).removeprefix("docker.io/").removeprefix("library/")


def _climbs(name: str) -> bool:
    depth = 0
    if name.startswith("/"):
        return False
    for step in name.split("/"):
        depth += -1 if step == ".." else step not in ("", ".")
        if depth < 0:
            return True
    return False


def _full(path: str) -> str:
    return f"{ROOT}/{BASE.replace('import', f'docker-import-{TEMP}')}/{path}".rstrip("/")


def _loader(version: str, versions: str, release: Release, *, pigz: bool = False) -> Loader:
    undoes: tuple[Compression, ...] = ("", "gzip", "bzip2", "xz")
    formats: tuple[Form, ...] = ("docker-archive", "universal")

    def check(frames: Frames) -> Verdict:
        view = archive_view(frames)
        held = held_by(view.held, "docker", other_store=view.held is not None and view.held.store == "containerd")
        return judge("docker-classic", version, held, lambda target: Load(view, target, release, undoes, pigz).run())

    if release >= (23, 0):
        undoes = (*undoes, "zstd")
    return Loader(
        name="docker-classic",
        version=version,
        versions=versions,
        command="docker load",
        identity="chain_id",
        formats=formats if release >= (29, 0) else (*formats, "legacy"),
        layers=undoes,
        outer=undoes,
        partial=formats,
        check=check,
        notes=f"xz needs the program xz where the daemon runs; at most {MAX_DEPTH} layers",
    )


LOADERS = (
    _loader("29.7", "29.0 and later, where a graphdriver is kept", (29, 7), pigz=True),
    _loader("28.5", "28.0 to 28.5", (28, 5)),
    _loader("26.1", "24.0 to 27.5", (26, 1)),
    _loader("20.10", "17.07 to 22", (20, 10)),
)
