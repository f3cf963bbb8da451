"""What podman, skopeo and buildah say; all three speak through the library containers/image.

Sources (containers/image): ``docker/internal/tarfile/{reader,src}.go``, ``docker/archive``,
``oci/{layout,archive}``, ``copy/{single,blob,digesting_reader}.go``, ``storage/storage_dest.go``;
(containers/common) ``libimage``. Versions: podman 4.3 has 5.23, 5.0 has 5.30, 5.4 has 5.34, 5.8 has 5.39.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages.docker import FEWER, MORE
from layerkit.messages.sentence import Sentence

ALL = ("podman load, skopeo, buildah, all versions",)
NEW = ("podman 5.3 and later, skopeo 1.17 and later",)
OLD = ("podman up to 5.2, skopeo up to 1.16",)
COUNTS = {
    "manifest": "layers listed in manifest.json (Layers)",
    "diff_ids": "diff IDs in the image config (rootfs.diff_ids)",
}

UNSUPPORTED = Sentence(
    id="podman.no-format-fits",
    text="payload does not match any of the supported image formats:",
    said_by=("podman load",),
    means="podman tried four formats. Only the line of the format the file really has means something.",
    kind="wrapper",
    next="Read the line oci-archive: or docker-archive:, not the last one.",
)
NOT_A_DIRECTORY_DIR = Sentence(
    id="podman.not-a-dir-image",
    text="open {archive}/manifest.json: not a directory",
    said_by=("podman load, on its last line, dir:",),
    means="podman also tried the file as a directory. This line misleads: it says nothing about the archive.",
    kind="format",
    codes=("LK304",),
    next="Read the line docker-archive: or oci-archive: above it.",
)
NOT_A_DIRECTORY_OCI = replace(
    NOT_A_DIRECTORY_DIR,
    id="podman.not-an-oci-directory",
    text="open {archive}/index.json: not a directory",
    said_by=("podman load, on its first line, oci:",),
)
COPY_SOURCE = Sentence(
    id="podman.copy-source",
    text="unable to copy from source {reference}: ",
    said_by=("podman 5.7 and later",),
    means="The image could not be copied from the archive or registry.",
    kind="wrapper",
)
PERFORM_COPY = Sentence(
    id="podman.perform-copy",
    text="unable to perform copy: ",
    said_by=("podman 5.7 and later",),
    means="The image could not be copied from the archive.",
    kind="wrapper",
)
MIME_TYPE = Sentence(
    id="podman.manifest-type",
    text="determining manifest MIME type for {reference}: ",
    said_by=ALL,
    means="The manifest could not be read or made.",
    kind="wrapper",
)
INITIALIZING = Sentence(
    id="podman.initializing-source",
    text="initializing source {reference}: ",
    said_by=ALL,
    means="The archive or registry could not be opened.",
    kind="wrapper",
)
CHOOSING = Sentence(
    id="podman.choosing-image",
    text="choosing an image from manifest list {reference}: ",
    said_by=ALL,
    means="An image had to be chosen from an index.",
    kind="wrapper",
)
WRITING_BLOB = Sentence(
    id="podman.writing-blob",
    text="writing blob: ",
    said_by=ALL,
    means="A layer or config could not be stored.",
    kind="wrapper",
)
STORING_BLOB = Sentence(
    id="podman.storing-blob",
    text="storing blob to file {path:q}: ",
    said_by=ALL,
    means="A layer could not be stored.",
    kind="wrapper",
)
DECOMPRESSING = Sentence(
    id="podman.decompressing",
    text="setting up to decompress blob: ",
    said_by=("podman 4 and 5",),
    means="A layer could not be read.",
    kind="wrapper",
)
DURING_READ = Sentence(
    id="podman.during-read",
    text="happened during read: ",
    said_by=ALL,
    means="The fault showed while reading.",
    kind="wrapper",
)
READING_BLOB = Sentence(
    id="podman.reading-blob",
    text="reading blob {digest:w}: ",
    said_by=ALL,
    means="The blob {digest} could not be read.",
    kind="wrapper",
)
READING_CONFIG = Sentence(
    id="podman.reading-config",
    text="reading config blob {digest:w}: ",
    said_by=("skopeo",),
    means="The config {digest} could not be read.",
    kind="wrapper",
    codes=("LK210",),
)
PARSING_CONFIG = Sentence(
    id="podman.parsing-config",
    text="parsing image configuration: ",
    said_by=("podman",),
    means="The config could not be read.",
    kind="wrapper",
    codes=("LK210",),
)
REUSING_BLOB = Sentence(
    id="podman.reusing-blob",
    text="trying to reuse blob {digest:w} at destination: ",
    said_by=ALL,
    means="podman looked whether the storage holds {digest} already.",
    kind="wrapper",
)
INVALID_DIGEST_CHECK = Sentence(
    id="podman.invalid-digest-check",
    text="Can not check for a blob with invalid digest: ",
    said_by=("podman",),
    means="A diff ID is not a digest.",
    kind="wrapper",
)
PARTIAL_PULL = Sentence(
    id="podman.partial-pull",
    text="partial pull of blob {digest:h}: ",
    said_by=("podman pull 5.0 and later",),
    means="The blob {digest} could not be fetched in part.",
    kind="wrapper",
)
LOADING_INDEX = Sentence(
    id="podman.loading-index",
    text="loading index: ",
    said_by=("podman load",),
    means="index.json could not be read.",
    kind="wrapper",
    codes=("LK301",),
)
DECODING_MANIFEST = Sentence(
    id="podman.decoding-manifest",
    text="decoding tar {member:w}: ",
    said_by=ALL,
    means="{member} is not the JSON that is expected.",
    kind="wrapper",
    codes=("LK301",),
)
DECODING_CONFIG = Sentence(
    id="podman.decoding-config",
    text="decoding tar config {member:q}: ",
    said_by=NEW,
    means="The image config {member} is not JSON.",
    kind="wrapper",
    codes=("LK210",),
)
DECODING_CONFIG_OLD = replace(
    DECODING_CONFIG, id="podman.decoding-config-old", text="decoding tar config {member:w}: ", said_by=OLD
)
LOADING_COMPONENT = Sentence(
    id="podman.loading-component",
    text="loading tar component {member:q}: ",
    said_by=NEW,
    means="{member} could not be read from the archive.",
    kind="wrapper",
    codes=("LK301", "LK303"),
)
LOADING_COMPONENT_OLD = replace(
    LOADING_COMPONENT,
    id="podman.loading-component-old",
    text="loading tar component {member:w}: ",
    said_by=OLD,
)
FINDING_SIZE = Sentence(
    id="podman.finding-size",
    text="reading {member:q} to find its size: ",
    said_by=NEW,
    means="The layer {member} could not be read to its end.",
    kind="wrapper",
    codes=("LK205",),
)
FINDING_SIZE_OLD = replace(
    FINDING_SIZE, id="podman.finding-size-old", text="reading {member:w} to find its size: ", said_by=OLD
)
COMPONENT_ABSENT = Sentence(
    id="podman.component-absent",
    text="loading tar component {member:q}: file does not exist",
    said_by=NEW,
    means="The archive does not hold {member}.",
    kind="missing",
    codes=("LK301", "LK210", "LK304", "LK306", "LK303"),
    causes=("rootfs-export", "truncated-copy", "manifest-only-store"),
    next="Diagnose the file: without manifest.json it is something else, and it says what.",
)
COMPONENT_ABSENT_OLD = replace(
    COMPONENT_ABSENT,
    id="podman.component-absent-old",
    text="loading tar component {member:w}: file does not exist",
    said_by=OLD,
)
FILE_ABSENT = Sentence(
    id="podman.file-absent",
    text="file does not exist",
    said_by=ALL,
    means="A file named by the archive is not in it.",
    kind="missing",
    codes=("LK201", "LK307"),
    causes=("incremental-filter", "truncated-copy", "dedup-diff-ids"),
    next="Diagnose the archive: it names the file.",
    whole=True,
)
LAYER_COUNT = Sentence(
    id="podman.layer-count",
    text="Inconsistent layer count: {manifest:d} in manifest, {diff_ids:d} in config",
    said_by=ALL,
    means="manifest.json lists {manifest} layers, the config promises {diff_ids} diff IDs.",
    kind="count",
    fields=COUNTS,
    codes=("LK101", "LK105"),
    causes=FEWER,
    causes_more=MORE,
    next="Diagnose the archive: the layer table shows which positions only one of the two has.",
)
TOO_FEW_DIFF_IDS = Sentence(
    id="podman.too-few-diff-ids",
    text="image config has only {diff_ids:d} DiffID values, but a layer with index {layer:d} exists",
    said_by=("podman 5.4 and later", "podman pull 5.0 and later"),
    means="The config promises {diff_ids} diff IDs, and the manifest lists a layer at position {layer}, "
    "counted from 0.",
    kind="count",
    fields={"diff_ids": COUNTS["diff_ids"], "layer": "position of a layer of the manifest, counted from 0"},
    codes=("LK104",),
    causes=("build-cache", "schema1-empty-layers", "mixed-images", "dedup-diff-ids"),
    next="Diagnose the image: the layer table shows which layers the config does not know.",
)
LAYERS_MISSING = Sentence(
    id="podman.layers-missing",
    text="Some layer tarfiles are missing in the tarball",
    said_by=ALL,
    means="manifest.json lists layers the archive does not hold. podman never takes a layer of a "
    "docker-archive from the host.",
    kind="missing",
    codes=("LK201", "LK307", "LK305"),
    causes=("incremental-filter", "last-layer-only", "truncated-copy", "dedup-diff-ids"),
    next="Diagnose the archive: it names the layers. To leave layers out for podman use the universal form.",
)
DIGEST_MISMATCH = Sentence(
    id="podman.digest-mismatch",
    text="Digest did not match, expected {expected:h}, got {got:h}",
    said_by=ALL,
    means="The bytes of a layer hash to {got}, and {expected} was promised (by the config for a "
    "docker-archive, by the manifest for OCI).",
    kind="content",
    codes=("LK202", "LK203", "LK207", "LK209"),
    causes=("corrupt-copy", "truncated-copy", "compressed-digests-as-diff-ids", "mixed-images"),
    next="Diagnose with --deep: it says whether the bytes belong to another position, are cut short, or match nothing.",
)
DIFF_ID_MISMATCH = Sentence(
    id="podman.diff-id-mismatch",
    text="layer {layer:d} (blob {descriptor:q}/{toc:q}/{computed:q}) does not match config's DiffID {expected:q}",
    said_by=("podman 5.4 and later",),
    means="Layer {layer} (counted from 0) unpacks to {computed}, the config promises {expected}.",
    kind="content",
    fields={
        "toc": "digest of the table of contents, mostly empty",
        "expected": "the diff ID that the config promises",
    },
    codes=("LK202", "LK207", "LK409"),
    causes=("compressed-digests-as-diff-ids", "mixed-images", "corrupt-copy"),
    next="Diagnose with --deep: it says to which position the digest belongs, if to any.",
)
BLOB_SIZE = Sentence(
    id="podman.blob-size",
    text="blob size mismatch",
    said_by=("podman",),
    means="A blob has another size than promised: a wrong descriptor, or a layer that is only there as a "
    "symbolic link.",
    kind="content",
    codes=("LK311", "LK204"),
    causes=("dedup-diff-ids", "truncated-copy"),
    next="Diagnose the archive: it shows the promised and the real sizes.",
)
COPY_SIZE = Sentence(
    id="podman.copy-size",
    text="Size mismatch when copying {digest:w}, expected {want:d}, got {have:d}",
    said_by=("skopeo",),
    means="The blob {digest} has {have} bytes, {want} were promised; 0 promised means a layer that is only "
    "there as a link.",
    kind="content",
    codes=("LK311", "LK204"),
    causes=("dedup-diff-ids", "truncated-copy"),
    next="Diagnose the archive: it shows the promised and the real sizes.",
)
TWO_DIFF_IDS = Sentence(
    id="podman.path-for-two",
    text="Layer tarfile {member:q} used for two different DiffID values",
    said_by=NEW,
    means="manifest.json lists {member} at two positions for which the config promises different diff IDs.",
    kind="content",
    codes=("LK208",),
    causes=("dedup-diff-ids", "mixed-images"),
    next="Diagnose the archive: it shows the two positions.",
)
TWO_DIFF_IDS_OLD = replace(
    TWO_DIFF_IDS,
    id="podman.path-for-two-old",
    text="Layer tarfile {member:w} used for two different DiffID values",
    said_by=OLD,
)
NO_ROOTFS = Sentence(
    id="podman.no-rootfs",
    text="Invalid image config (rootFS is not set): {member:q}",
    said_by=NEW,
    means="The image config {member} has no rootfs, so nothing says which layers the image has.",
    kind="format",
    codes=("LK406", "LK210"),
    causes=("build-cache",),
    next="Diagnose the archive: the file named as config may not be an image config.",
)
NO_ROOTFS_OLD = replace(
    NO_ROOTFS,
    id="podman.no-rootfs-old",
    text="Invalid image config (rootFS is not set): {member:w}",
    said_by=OLD,
)
ITEM_COUNT = Sentence(
    id="podman.item-count",
    text="Unexpected tar manifest.json: expected 1 item, got {images:d}",
    said_by=("skopeo",),
    means="The archive holds {images} images, and none was chosen.",
    kind="tag",
    fields={"images": "number of images in manifest.json"},
    codes=("LK403", "LK301"),
    next="Name one: docker-archive:FILE:NAME:TAG, or docker-archive:FILE:@0 for the first.",
)
MORE_THAN_ONE = Sentence(
    id="podman.more-than-one",
    text="more than one image in oci, choose an image",
    said_by=ALL,
    means="index.json has several entries and none was chosen; the same words are said when it has none.",
    kind="tag",
    codes=("LK403", "LK301", "LK407"),
    next="Name one: oci-archive:FILE:TAG. An attestation at the top level counts as an image.",
)
NO_PLATFORM = Sentence(
    id="podman.no-platform",
    text="no image found in image index for architecture {arch:q}, variant {variant:q}, OS {os:q}",
    said_by=NEW,
    means="The index has no image for {os}/{arch}.",
    kind="platform",
    fields={"variant": "the variant of the architecture"},
    codes=("LK401", "LK308"),
    causes=("missing-platform",),
    next="Diagnose the image: it lists the platforms. podman and skopeo take --override-arch or --platform.",
)
NO_PLATFORM_OLD = replace(
    NO_PLATFORM,
    id="podman.no-platform-old",
    text="no image found in image index for architecture {arch:w}, variant {variant:q}, OS {os:s}",
    said_by=OLD,
)
WRONG_PLATFORM = Sentence(
    id="podman.wrong-platform",
    text="image platform ({found}) does not match the expected platform ({platform})",
    said_by=("podman, as a warning",),
    means="The image is for {found}, the machine wants {platform}.",
    kind="platform",
    fields={"found": "platform of the image"},
    codes=("LK401",),
    causes=("missing-platform",),
    next="Export the image for the platform of the host.",
)
INVALID_TAG = Sentence(
    id="podman.invalid-tag",
    text="Invalid tag {reference:q} in manifest item @{item:d}: ",
    said_by=("podman",),
    means="manifest.json names image {item} (counted from 0) {reference}, which is no image name.",
    kind="tag",
    fields={"item": "position of the image in manifest.json, counted from 0"},
    codes=("LK407",),
    next="Repair RepoTags in manifest.json.",
)
NO_TAG = Sentence(
    id="podman.no-tag",
    text="Invalid tag {reference:q} ({parsed:w}): does not contain a tag",
    said_by=NEW,
    means="manifest.json names the image {reference}, and podman wants name:tag there.",
    kind="tag",
    fields={"parsed": "the name as it was understood"},
    codes=("LK407",),
    next="Give the image a name with a tag in RepoTags.",
)
NO_TAG_OLD = replace(
    NO_TAG,
    id="podman.no-tag-old",
    text="Invalid tag {reference:w} ({parsed:w}): does not contain a tag",
    said_by=OLD,
)
INVALID_CHECKSUM = Sentence(
    id="podman.invalid-checksum",
    text="invalid checksum digest format",
    said_by=ALL,
    means="A digest in the manifest or a diff ID in the config is no digest.",
    kind="format",
    codes=("LK409",),
    next="Look at rootfs.diff_ids of the config: every entry is sha256: and 64 hex digits.",
)
CHECKSUM_LENGTH = replace(
    INVALID_CHECKSUM,
    id="podman.invalid-checksum-length",
    text="invalid checksum digest length",
)
CHECKSUM_ALGORITHM = replace(
    INVALID_CHECKSUM,
    id="podman.unsupported-algorithm",
    text="unsupported digest algorithm",
)
DIGEST_PANIC = Sentence(
    id="podman.digest-panic",
    text="panic: no ':' separator in digest {digest:q}",
    said_by=("skopeo 1.9",),
    means="The program crashed on the diff ID {digest}, which is no digest.",
    kind="format",
    codes=("LK409",),
    next="Look at rootfs.diff_ids of the config: every entry is sha256: and 64 hex digits.",
)
CONFIG_DIGEST = Sentence(
    id="podman.config-digest",
    text="Download config.json digest {got:h} does not match expected {expected:h}",
    said_by=OLD,
    means="The bytes of the config hash to {got}, the manifest promises {expected}.",
    kind="content",
    codes=("LK206",),
    causes=("corrupt-copy", "mixed-images"),
    next="Fetch or export the image again.",
)
CONFIG_DIGEST_NEW = replace(
    CONFIG_DIGEST,
    id="podman.config-digest-new",
    text="config validation failed: blob digest {got:h} does not match expected {expected:h}",
    said_by=NEW,
)
INTERNAL_ERROR = Sentence(
    id="podman.internal-error",
    text="Internal error writing blob {digest:w}",
    said_by=("podman and skopeo up to 5.x of the library",),
    means="The library could not deal with the blob {digest}, for instance one named by sha512.",
    kind="format",
    codes=("LK409", "LK203"),
    next="Export the image again with sha256 digests.",
)
INITIALIZING_IMAGE = Sentence(
    id="podman.initializing-image",
    text="initializing image from source {reference}: ",
    said_by=ALL,
    means="The manifest of the image could not be read.",
    kind="wrapper",
    codes=("LK211",),
)
SYSTEM_IMAGE = Sentence(
    id="podman.copying-system-image",
    text="copying system image from manifest list: ",
    said_by=ALL,
    means="The image for this machine was chosen from an index, and could not be copied.",
    kind="wrapper",
)
UNTARRING = Sentence(
    id="podman.untarring",
    text="creating temp directory: untarring file {path:q}: ",
    said_by=ALL,
    means="The OCI archive could not be unpacked.",
    kind="wrapper",
    codes=("LK303", "LK305", "LK307"),
)
MANIFEST_DIGEST = Sentence(
    id="podman.manifest-digest",
    text="Manifest does not match provided manifest digest {digest:h}",
    said_by=ALL,
    means="The bytes of a manifest do not hash to {digest}, by which the index names it.",
    kind="content",
    codes=("LK211",),
    causes=("corrupt-copy", "mixed-images"),
    next="Fetch or export the image again.",
)
HISTORY_LAYERS = Sentence(
    id="buildah.history-layers",
    text="history lists {history:d} non-empty layers, but we have {manifest:d} layers on disk",
    said_by=("buildah, podman build",),
    means="The config's history claims {history} layers, the image has {manifest}. It loads; building on it fails.",
    kind="history",
    fields={"history": "history entries without empty_layer", "manifest": "layers that are really there"},
    codes=("LK102", "LK103"),
    causes=("schema1-empty-layers", "stale-after-squash", "incremental-filter"),
    next="Diagnose the image: the history table shows which entries have no layer.",
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
