"""What Docker says: `docker load` and `docker pull` with the graphdriver ("classic") store, and its client.

Sources (moby): ``image/tarexport/load.go`` (``daemon/internal/image/tarexport/load.go`` since 29),
``image/store.go``, ``layer/layer_store.go``, ``distribution/pull_v2.go``, ``cache/remotecache`` and
``worker`` of BuildKit. What Docker's containerd store says is in `containerd`, because containerd says it.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages.sentence import Sentence

LOAD = "docker load, classic (graphdriver) store"
PULL = "docker pull, classic (graphdriver) store"
COUNTS = {
    "manifest": "layers listed in manifest.json (Layers)",
    "diff_ids": "diff IDs in the image config (rootfs.diff_ids)",
}
FEWER = ("incremental-filter", "stale-after-squash", "last-layer-only", "dedup-diff-ids")
MORE = ("schema1-empty-layers", "history-as-layers", "dedup-diff-ids", "mixed-images")
OPEN_IMPORT = "open {root}/tmp/docker-import-{temp:s}/"

LENGTH_MISMATCH = Sentence(
    id="docker.length-mismatch",
    text="invalid manifest, layers length mismatch: expected {manifest:d}, got {diff_ids:d}",
    said_by=(f"{LOAD}, 17.04 and later",),
    means="manifest.json lists {manifest} layers, the config promises {diff_ids} diff IDs; Docker refuses "
    "before it reads any layer.",
    kind="count",
    fields=COUNTS,
    codes=("LK101", "LK105"),
    causes=FEWER,
    causes_more=MORE,
    next="Diagnose the archive: the layer table shows which positions only one of the two has. To leave "
    "layers out, list all of them in manifest.json and omit only the files.",
)
LENGTH_MISMATCH_RUNES = replace(
    LENGTH_MISMATCH,
    id="docker.length-mismatch-runes",
    text="invalid manifest, layers length mismatch: expected {manifest:r}, got {diff_ids:r}",
    said_by=(f"{LOAD}, up to 17.03, which printed counts as characters: '\\x11' is 17",),
)
LENGTH_MISMATCH_EXCERPT = replace(
    LENGTH_MISMATCH,
    id="docker.length-mismatch-excerpt",
    text="length mismatch: expected {manifest:d}, got {diff_ids:d}",
)
LENGTH_MISMATCH_RUNES_EXCERPT = replace(
    LENGTH_MISMATCH_RUNES,
    id="docker.length-mismatch-runes-excerpt",
    text="expected {manifest:r}, got {diff_ids:r}",
)
INVALID_DIFF_ID = Sentence(
    id="docker.invalid-diff-id",
    text="invalid diffID for layer {layer:d}: expected {expected:q}, got {computed:q}",
    said_by=(f"{LOAD}, all versions",),
    means="The bytes of layer {layer} (counted from 0) hash to {computed}, the config promises {expected}.",
    kind="content",
    fields={"expected": "the diff ID that the config promises at this position"},
    codes=("LK202", "LK207", "LK209", "LK208", "LK205"),
    causes=("corrupt-copy", "truncated-copy", "compressed-digests-as-diff-ids", "mixed-images", "wrong-base"),
    next="Diagnose with --deep: it says whether the bytes belong to another position, are cut short, or match nothing.",
)
TOO_MANY_HISTORY = Sentence(
    id="docker.too-many-history",
    text="too many non-empty layers in History section",
    said_by=(f"{LOAD}, all versions", f"{PULL}, all versions"),
    means="The config's history has more entries that claim a layer than it has diff IDs; only Docker's "
    "classic store looks.",
    kind="history",
    codes=("LK102",),
    causes=("schema1-empty-layers", "stale-after-squash"),
    next="Diagnose the archive: entries without a layer need empty_layer: true in the history.",
)
NULL_MANIFEST = Sentence(
    id="docker.null-manifest",
    text="invalid manifest, manifest cannot be null (but can be [])",
    said_by=(f"{LOAD}, 23.0 and later",),
    means="manifest.json holds the word null instead of a list of images.",
    kind="format",
    codes=("LK301",),
    next="Export the image again.",
)
NO_MANIFEST = Sentence(
    id="docker.no-manifest",
    text="invalid archive: does not contain a manifest.json",
    said_by=(f"{LOAD}, 29.0 and later",),
    means="The archive has no manifest.json at its top level: it is another format (an OCI layout, a legacy "
    "archive, a plain file system) or its content is one directory down.",
    kind="format",
    codes=("LK301", "LK304", "LK306", "LK305"),
    causes=("rootfs-export", "manifest-only-store", "utf16-redirect", "truncated-copy", "build-cache"),
    next="Diagnose the file: it says what it is instead. A file of docker export needs docker import.",
)
UNDECODABLE_MANIFEST = Sentence(
    id="docker.undecodable-manifest",
    text="invalid archive: failed to decode manifest.json: ",
    said_by=(f"{LOAD}, 29.0 and later",),
    means="manifest.json is there, and is not the JSON Docker expects.",
    kind="wrapper",
    codes=("LK301", "LK303"),
)
NO_V1_JSON = Sentence(
    id="docker.no-v1-json",
    text=OPEN_IMPORT + "{directory:s}/json: no such file or directory",
    said_by=(f"{LOAD}, up to 28",),
    means="There is no manifest.json, so Docker took the directory {directory} for an image of the format "
    "of 2013 and missed its file json. The text misleads: what is missing is manifest.json.",
    kind="format",
    codes=("LK301", "LK306", "LK304"),
    causes=("rootfs-export", "truncated-copy", "manifest-only-store"),
    next="Diagnose the file: it says what it is instead. A file of docker export needs docker import.",
)
OCI_AS_V1 = Sentence(
    id="docker.oci-as-v1",
    text=OPEN_IMPORT + "blobs/json: no such file or directory",
    said_by=(f"{LOAD}, up to 28",),
    means="The archive is an OCI layout without manifest.json; Docker's classic store took its directory "
    "blobs for an image of the format of 2013. The text misleads: what is missing is manifest.json.",
    kind="format",
    codes=("LK301", "LK304"),
    next="Export the image in the universal form, or load it into a containerd store.",
)
NO_REPOSITORIES = Sentence(
    id="docker.no-repositories",
    text=OPEN_IMPORT + "repositories: no such file or directory",
    said_by=(f"{LOAD}, up to 28",),
    means="The archive has no manifest.json, and no repositories file of the legacy format either. The text "
    "misleads: what is missing is manifest.json.",
    kind="format",
    codes=("LK301", "LK304", "LK303"),
    causes=("rootfs-export", "truncated-copy", "utf16-redirect", "build-cache"),
    next="Diagnose the file: it says what it is instead. A file of docker export needs docker import.",
)
MEMBER_ABSENT = Sentence(
    id="docker.member-absent",
    text=OPEN_IMPORT + "{path}: no such file or directory",
    said_by=(f"{LOAD}, all versions",),
    means="manifest.json names {path}, the archive does not hold it, and the host does not hold that layer "
    "on top of the same layers below it.",
    kind="missing",
    codes=("LK201", "LK307", "LK210", "LK305", "LK309"),
    causes=("incremental-filter", "wrong-base", "last-layer-only", "truncated-copy", "dedup-diff-ids"),
    next="If the layer was left out on purpose, load the base image first and compare with the inventory of "
    "the host; the layers left out must be the lowest ones of this very chain. Otherwise export again.",
)
PATH_IS_DIRECTORY = Sentence(
    id="docker.path-is-directory",
    text="read {root}/tmp/docker-import-{temp:s}: is a directory",
    said_by=(f"{LOAD}, all versions",),
    means="manifest.json lists a layer with an empty path, and the host does not hold that layer, so Docker "
    "tried to read its own directory.",
    kind="missing",
    codes=("LK309", "LK201"),
    causes=("incremental-filter", "wrong-base"),
    next="Load the base image first, or export the archive again with its lowest layers.",
)
OUT_OF_SCOPE = Sentence(
    id="docker.out-of-scope",
    text="evalSymlinksInScope: {path} is not in {root}/tmp/docker-import-{temp:w}",
    said_by=(f"{LOAD}, all versions",),
    means="A path in manifest.json leads outside of the archive ({path}); Docker does not follow it.",
    kind="format",
    codes=("LK305", "LK307"),
    causes=("unsafe-names",),
    next="Diagnose the archive and repair its member paths; do not trust where it came from.",
)
INVALID_ENTRY_NAME = Sentence(
    id="docker.invalid-entry-name",
    text="invalid entry name {member:q}",
    said_by=(f"{LOAD}, 28.0 and later",),
    means="The archive has a member whose name leads outside of it: {member}.",
    kind="format",
    codes=("LK305",),
    causes=("unsafe-names",),
    next="Diagnose the archive and repair its member paths; do not trust where it came from.",
)
INVALID_LINK = Sentence(
    id="docker.invalid-link",
    text="invalid symlink {link:q} -> {target:q}",
    said_by=(f"{LOAD}, all versions",),
    means="The archive has a symbolic link that leads outside of it.",
    kind="format",
    codes=("LK307", "LK305"),
    causes=("unsafe-names",),
    next="Diagnose the archive; do not trust where it came from.",
)
TOO_MANY_LINKS = replace(
    OUT_OF_SCOPE,
    id="docker.too-many-links",
    text="evalSymlinksInScope: too many links in {path}",
    means="The symbolic links that {path} leads through form a circle.",
    codes=("LK307",),
    causes=(),
    next="Repair the archive: it replaces links by the files they stand for.",
)
NO_ROOTFS = Sentence(
    id="docker.no-rootfs",
    text="invalid image JSON, no RootFS key",
    said_by=(f"{LOAD}, all versions",),
    means="The image config has no rootfs, so nothing says which layers the image has.",
    kind="format",
    codes=("LK406", "LK210"),
    causes=("build-cache",),
    next="Diagnose the archive: the file named as config may not be an image config.",
)
WRONG_OS = Sentence(
    id="docker.wrong-os",
    text="cannot load {os} image on {host:s}",
    said_by=(f"{LOAD}, 17.07 and later",),
    means="The config says the image is for {os}, the daemon runs on {host}.",
    kind="platform",
    fields={"host": "the operating system of the daemon"},
    codes=("LK401",),
    causes=("missing-platform",),
    next="Export the image for the platform of the host.",
)
UNKNOWN_OS = Sentence(
    id="docker.unknown-os",
    text="{os:q}: unknown operating system or architecture: invalid argument",
    said_by=(f"{LOAD}, up to 22",),
    means="The config names {os} as operating system, which Docker does not know.",
    kind="platform",
    codes=("LK401",),
    next="Look at os and architecture of the config; export the image for the platform of the host.",
)
INVALID_OS = Sentence(
    id="docker.invalid-os",
    text="{component:q} is an invalid component of {os:q}: platform specifier component must match "
    '"^[A-Za-z0-9_-]+$": invalid argument',
    said_by=(f"{LOAD}, up to 22",),
    means="The config names {os} as operating system, which is not a platform name.",
    kind="platform",
    fields={"component": "the part that is refused"},
    codes=("LK401",),
    next="Look at os and architecture of the config; export the image for the platform of the host.",
)
WILDCARD_OS = replace(
    UNKNOWN_OS,
    id="docker.wildcard-os",
    text="{os:q}: wildcards not yet supported: invalid argument",
)
INVALID_TARGET_ID = Sentence(
    id="docker.invalid-target-id",
    text="invalid target ID: {target}",
    said_by=("docker load of a legacy archive, up to 28",),
    means="The file repositories names the image {target}, whose folder the archive does not hold.",
    kind="missing",
    fields={"target": "the image that a tag leads to"},
    codes=("LK306", "LK201"),
    next="Export the image again with a newer Docker.",
)
CONNECTION_LOST = Sentence(
    id="docker.connection-lost",
    text="error during connect: {method:w} {url:q}: EOF",
    said_by=("docker load, when the daemon's handler crashed (20.10 does for an image of freebsd)",),
    means="The daemon closed the connection in the middle of the answer: it crashed on this archive, or was stopped.",
    kind="platform",
    fields={"method": "the HTTP method of the request", "url": "the address of the request"},
    codes=("LK401",),
    next="Read the daemon's log; look at os and architecture of the image config.",
)
INVALID_TAG = Sentence(
    id="docker.invalid-tag",
    text="invalid tag {reference:q}",
    said_by=(f"{LOAD}, all versions",),
    means="manifest.json names the image {reference}, and Docker wants name:tag there; the layers are "
    "loaded by then, and the image stays without a name.",
    kind="tag",
    codes=("LK407",),
    next="Give the image a name with a tag in RepoTags.",
)
MAX_DEPTH = Sentence(
    id="docker.max-depth",
    text="max depth exceeded",
    said_by=(f"{LOAD}, all versions", f"{PULL}, all versions"),
    means="The image has more than 125 layers, the most that Docker's classic store takes.",
    kind="limit",
    codes=("LK408",),
    next="Squash the image, or load it into a containerd store.",
)
APPLY_LAYER = Sentence(
    id="docker.apply-layer",
    text="ApplyLayer exit status {status:d} stdout:  stderr: ",
    said_by=(f"{LOAD} or pull, up to 23",),
    means="The helper process that unpacks a layer failed.",
    kind="wrapper",
    fields={"status": "exit status of the helper"},
    codes=("LK205", "LK404"),
)
PROCESSING_TAR = Sentence(
    id="docker.processing-tar",
    text="Error processing tar file(exit status {status:d}): ",
    said_by=(f"{LOAD}, up to 23",),
    means="Docker could not unpack the archive itself.",
    kind="wrapper",
    fields={"status": "exit status of the helper"},
    codes=("LK303", "LK304"),
)
PROCESSING_STREAM = Sentence(
    id="docker.processing-stream",
    text="Error processing tar file({reason}): ",
    said_by=(f"{LOAD}, up to 23",),
    means="The archive is compressed, and its stream is cut or damaged behind the last file ({reason}).",
    kind="content",
    codes=("LK303",),
    causes=("truncated-copy", "corrupt-copy"),
    next="Compare size and sha256 of the file with the ones at its origin.",
)
REGISTER_LAYER = Sentence(
    id="docker.register-layer",
    text="failed to register layer: ",
    said_by=(f"{PULL}, all versions",),
    means="A layer was fetched and could not be unpacked.",
    kind="wrapper",
    codes=("LK205", "LK404"),
)
ROOTFS_MISMATCH = Sentence(
    id="docker.rootfs-mismatch",
    text="layers from manifest don't match image configuration",
    said_by=(f"{PULL}, 1.10 and later",),
    means="The layers of the manifest are not the ones the config promises: another number, another order "
    "or other bytes.",
    kind="count",
    codes=("LK104", "LK202", "LK207"),
    causes=("build-cache", "mixed-images", "schema1-empty-layers", "dedup-diff-ids"),
    next="Diagnose the image at the registry with --deep. A tag such as :cache may hold build cache and no image.",
)
ROOTFS_INVALID = Sentence(
    id="docker.rootfs-invalid",
    text="invalid rootfs in image configuration",
    said_by=(f"{PULL}, 1.10 and later",),
    means="The config has no rootfs, so nothing says which layers the image has.",
    kind="format",
    codes=("LK406", "LK210"),
    causes=("build-cache",),
    next="Diagnose the image at the registry: it may be no image at all.",
)
BUILDKIT_COUNT = Sentence(
    id="docker.buildkit-layer-count",
    text="invalid layer count mismatch {diff_ids:d} vs {manifest:d}",
    said_by=("docker build (BuildKit worker of the classic store)",),
    means="The config promises {diff_ids} diff IDs, {manifest} layers were given.",
    kind="count",
    fields={"manifest": "layers of the manifest", "diff_ids": COUNTS["diff_ids"]},
    codes=("LK104", "LK101"),
    causes=FEWER,
    causes_more=MORE,
    next="Diagnose the base image of the build.",
)
NO_SUCH_IMAGE = Sentence(
    id="docker.no-such-image",
    text="No such image: {reference:w}",
    said_by=("docker, all versions",),
    means="The daemon has no image under the name {reference}; after a load that reported success, the "
    "archive gave it another name, none, or one that Docker's containerd store cannot find again.",
    kind="tag",
    codes=("LK403", "LK407"),
    causes=("manifest-only-store",),
    next="Compare docker images with the names in the archive; an OCI archive that carries only a tag as "
    "name loads into Docker 26-29 unreachable.",
)
LOADED = Sentence(
    id="docker.loaded",
    text="Loaded image: {name:w}",
    said_by=("docker load, all versions", "podman load"),
    means="{name} was recorded. Docker's containerd store prints this also when the layers could not be unpacked.",
    kind="success",
    next="Run docker create on the image to be sure.",
)
LOADED_ID = replace(
    LOADED,
    id="docker.loaded-id",
    text="Loaded image ID: {digest:h}",
    means="An image without a name was recorded: {digest}.",
    codes=("LK403",),
    next="Give it a name with docker tag.",
    fields={"digest": "image ID, on a containerd store the digest of the manifest"},
)
NO_COMMAND = Sentence(
    id="docker.no-command",
    text="No command specified",
    said_by=("docker create or run",),
    means="The image has no command. An archive of docker save that went through docker import looks like "
    "this: the whole archive became one layer.",
    kind="format",
    codes=("LK304",),
    causes=("rootfs-export",),
    next="Use docker load for archives of docker save, docker import only for those of docker export.",
)
EMPTY_STDIN = Sentence(
    id="docker.empty-stdin",
    text="requested load from stdin, but stdin is empty",
    said_by=("docker load",),
    means="docker load was given neither a file nor input.",
    kind="format",
    codes=("LK304",),
    next="Give the archive: docker load -i FILE.",
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
