"""`crane push` of an archive, and of an OCI layout that was unpacked into a directory: crane reads no OCI tar.

Sources (go-containerregistry): cmd/crane/cmd/push.go (`loadImage`), pkg/v1/tarball/image.go (`Image`,
`uncompressedImage.LayerByDiffID`, `compressedImage.Manifest`), pkg/v1/layout, pkg/v1/hash.go (`Hash.parse`). Diff IDs
are never compared with contents, so much that no runtime takes is pushed without a word.
"""

from __future__ import annotations

from functools import partial

from ..compression import Compression
from ..digest import sha256
from ..document import LIMIT
from ..frames import Frames
from ..messages import ggcr as say
from ..messages import golang, registry
from ..sources import Member
from ..verdict import Verdict
from .gojson import TEXT, Shape, decode, list_of, pick, struct
from .model import Loader, Outcome, Refusal, Target, judge
from .oci_documents import LISTS, Descriptor, Manifest, parse_list, parse_loosely
from .scanning import Scan, clean, join, scan_of
from .view import View, archive_view

ARCHIVE, REGISTRY = "ARCHIVE", "<REGISTRY>"
_ITEMS = Shape(
    "array",
    "tarball.Manifest",
    struct("tarball.Descriptor", Config=TEXT, RepoTags=list_of(TEXT), Layers=list_of(TEXT)),
)
_CONFIG = struct(
    "v1.ConfigFile",
    architecture=TEXT,
    os=TEXT,
    rootfs=struct("v1.RootFS", type=TEXT, diff_ids=Shape("array", "[]v1.Hash")),
    history=list_of(struct("v1.History", created_by=TEXT, comment=TEXT, author=TEXT)),
)
_HEX_DIGITS = {"sha256": 64}
_FOREIGN = ("nondistributable", "foreign")


def push(version: str, frames: Frames) -> Verdict:
    """What `crane push ARCHIVE NAME` will do with what was read."""
    view = archive_view(frames)
    return judge("crane", version, frames.held, lambda target: _attempt(view, target))


def _attempt(view: View, target: Target) -> Outcome:
    try:
        if view.archive.format in ("oci-archive", "oci-layout"):
            return Outcome(0, "", _push_layout(view, target))
        return Outcome(0, "", _push_tarball(scan_of(view), target))
    except Refusal as refusal:
        return Outcome(refusal.exit_code, f"Error: {refusal.message}", False)


def _push_tarball(scan: Scan, target: Target) -> bool:
    """Push what manifest.json describes; tell whether that is a whole image. Raises Refusal."""
    try:
        config, paths = _load(scan)
        compressed = bool(paths) and _compression(scan, paths[0]) != ""
    except Refusal as refusal:
        raise Refusal(say.LOADING_TARBALL.format(archive=ARCHIVE) + refusal.message) from None
    return _push_compressed(scan, config, paths, target) if compressed else _push_plain(scan, config, paths, target)


def _load(scan: Scan) -> tuple[bytes, list[str]]:
    """tarball/image.go, `loadTarDescriptorAndConfig`."""
    if scan.view.outer:
        raise Refusal(golang.INVALID_TAR_HEADER.format())
    value, fault = decode(scan.read(_open(scan, "manifest.json")), _ITEMS, stream=True)
    if fault:
        raise Refusal(fault)
    if value is None:
        raise Refusal(say.NO_MANIFEST.format())
    if len(value) != 1:
        raise Refusal(say.SINGLE_IMAGE.format())
    config = scan.read(_open(scan, pick(value[0], "Config") or ""))
    return config, [path or "" for path in pick(value[0], "Layers") or ()]


def _open(scan: Scan, name: str) -> Member:
    """tarball/image.go, `followLinks`: hard links too are looked for beside the link, wherever they point."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        member = scan.find(name)
        if member is None:
            raise Refusal(say.NOT_IN_TAR.format(member=name))
        if member.kind not in ("symlink", "hardlink"):
            return member
        name = join(clean(name).rpartition("/")[0] or ".", clean(member.target))
    raise Refusal(say.LINK_CYCLE.format(member=name))


def _compression(scan: Scan, path: str) -> Compression:
    """internal/compression, `PeekCompression`: gzip by two bytes, zstd, and nothing else."""
    head = scan.view.archive.backing.head(_open(scan, path))
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    return "zstd" if head.startswith(b"\x28\xb5\x2f\xfd") else ""


def _diff_ids(config: bytes) -> list[str]:
    """pkg/v1, `ParseConfigFile`."""
    value, fault = decode(config, _CONFIG, stream=True)
    if fault:
        raise Refusal(fault)
    diff_ids = pick(pick(value, "rootfs"), "diff_ids") or []
    for text in diff_ids:
        _check_hash(text if isinstance(text, str) else "")
    return diff_ids


def _check_hash(text: str) -> None:
    algorithm, colon, digits = text.partition(":")
    if not colon:
        raise Refusal(say.PARSE_HASH.format(digest=text))
    if rest := digits.lstrip("0123456789abcdef"):
        raise Refusal(say.HASH_HEX.format(character=rest[0]))
    if algorithm not in _HEX_DIGITS:
        raise Refusal(say.UNSUPPORTED_HASH.format(algorithm=algorithm))
    if len(digits) != _HEX_DIGITS[algorithm]:
        raise Refusal(say.HASH_LENGTH.format(algorithm=algorithm, digits=digits))


def _push_plain(scan: Scan, config: bytes, paths: list[str], target: Target) -> bool:
    """`uncompressedImage`: the layers that the config promises, each from the path at its first position."""
    diff_ids = _diff_ids(config)
    first: dict[str, int] = {}
    for index, diff_id in enumerate(diff_ids):
        first.setdefault(diff_id, index)
    if any(index >= len(paths) for index in first.values()):
        raise Refusal(say.CONFIG_HAS_MORE.format(diff_ids=len(diff_ids), manifest=len(paths)) + say.NOT_RUNNABLE)
    whole = True
    for diff_id, index in first.items():
        whole = _pushed(scan, paths[index], diff_id, target) and whole
    return whole


def _push_compressed(scan: Scan, config: bytes, paths: list[str], target: Target) -> bool:
    """`compressedImage`: the layers that manifest.json lists."""
    whole = True
    diff_ids = _diff_ids(config)
    for index, path in enumerate(paths):
        if index >= len(diff_ids):
            raise Refusal(
                say.MANIFEST_HAS_MORE.format(manifest=len(paths), diff_ids=len(diff_ids)) + say.NOT_RUNNABLE_CACHE
            )
        whole = _pushed(scan, path, diff_ids[index], target) and whole
    return whole and len(paths) == len(diff_ids)


def _pushed(scan: Scan, path: str, diff_id: str, target: Target) -> bool:
    """Push a layer, whatever is in it; tell whether it is the promised one, as far as is known."""
    member = _open(scan, path)
    if member.stored < member.size:
        raise Refusal(golang.UNEXPECTED_EOF.format())
    measured = scan.view.measured(member)
    if measured is None:
        target.trusted = True
    return measured is None or measured.diff_id == diff_id


def _push_layout(view: View, target: Target) -> bool:
    """cmd/crane/cmd/push.go, `loadImage` of a directory, then every manifest and blob below its one entry."""
    index = view.files.get("index.json")
    if index is None:
        raise Refusal(say.LOADING_LAYOUT.format(archive=ARCHIVE) + golang.NO_SUCH_FILE_STAT.format(path=ARCHIVE))
    entries = parse_list(view.read(index), stream=True)
    if len(entries) != 1:
        raise Refusal(say.LAYOUT_ENTRIES.format(images=len(entries)))
    entry = entries[0]
    if not entry.image and entry.media_type not in LISTS:
        raise Refusal(say.LAYOUT_NON_IMAGE.format(media_type=entry.media_type))
    return _push_entry(view, entry, target, depth=0)


def _push_entry(view: View, entry: Descriptor, target: Target, depth: int) -> bool:
    raw = _raw(view, entry)
    if entry.media_type in LISTS and depth < 4:
        children = [_push_entry(view, child, target, depth + 1) for child in parse_list(raw, stream=True)]
        return any(children) or not children
    return _push_manifest(view, parse_loosely(raw), target)


def _push_manifest(view: View, manifest: Manifest, target: Target) -> bool:
    config = _raw(view, manifest.config)
    whole = True
    value, fault = decode(config)
    diff_ids = pick(pick(value, "rootfs"), "diff_ids") or []
    for index, layer in enumerate(manifest.layers):
        if any(word in layer.media_type for word in _FOREIGN):
            raise Refusal(_unknown(layer.digest))
        member = _blob(view, layer)
        if member.stored != layer.size:
            broken = say.BODY_LENGTH.format(want=layer.size, have=member.stored)
            raise Refusal(say.UPLOADING.format(url=REGISTRY) + broken)
        measured = view.measured(member)
        target.trusted = target.trusted or measured is None
        if measured is not None:
            whole = whole and index < len(diff_ids) and measured.diff_id == diff_ids[index]
    if sha256(config) != manifest.config.digest:
        raise Refusal(_unknown(manifest.config.digest))
    return whole and not fault and len(manifest.layers) == len(diff_ids)


def _unknown(digest: str) -> str:
    return f"{say.PUTTING.format(url=REGISTRY)}{registry.MANIFEST_BLOB_UNKNOWN.format()}; {digest}"


def _blob(view: View, blob: Descriptor) -> Member:
    member = view.files.get(f"blobs/{blob.digest.replace(':', '/', 1)}")
    if member is None:
        raise Refusal(golang.NO_SUCH_FILE_LSTAT.format(path=ARCHIVE))
    return member


def _raw(view: View, blob: Descriptor) -> bytes:
    member = _blob(view, blob)
    return b"" if member.size > LIMIT else view.read(member)


VERSION = "0.21"
LOADERS = (
    Loader(
        name="crane",
        version=VERSION,
        versions="0.21.8 and later",
        command="crane push ARCHIVE NAME",
        identity="digest",
        formats=("docker-archive", "universal", "oci-layout"),
        layers=("", "gzip", "zstd", "bzip2", "xz"),
        outer=("",),
        check=partial(push, VERSION),
        notes="takes an OCI layout as a directory only; compares nothing, the registry then refuses what is not there",
    ),
)
