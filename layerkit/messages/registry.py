"""What is said when an image is pulled from or pushed to a registry.

Sources: (distribution) ``registry/api/errcode``, ``registry/api/v2/errors.go``; (moby) ``distribution/``; (containerd)
``core/remotes/docker``, ``core/content``.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages.sentence import Sentence

DOCKER = ("docker pull, classic store",)
CONTAINERD = ("containerd pulls: docker with the containerd store, ctr, nerdctl, the kubelet",)
ANY = ("any client, repeating the registry",)
BROKEN_REGISTRY = "Fetch again; if it stays, the registry has lost or damaged the blob: push the image again."

UNKNOWN_BLOB = Sentence(
    id="registry.unknown-blob",
    text="unknown blob",
    said_by=DOCKER,
    means="The registry has the manifest and not one of its blobs.",
    kind="missing",
    codes=("LK201", "LK210"),
    causes=("no-registry-blob",),
    next=BROKEN_REGISTRY,
)
BLOB_UNKNOWN = Sentence(
    id="registry.blob-unknown",
    text="blob unknown to registry",
    said_by=ANY,
    means="The registry has the manifest and not one of its blobs.",
    kind="missing",
    codes=("LK201", "LK210"),
    causes=("no-registry-blob",),
    next=BROKEN_REGISTRY,
)
BLOB_UNKNOWN_CODE = replace(
    BLOB_UNKNOWN,
    id="registry.blob-unknown-code",
    text="BLOB_UNKNOWN: blob unknown to registry; {digest:h}",
    means="The registry has the manifest and not the blob {digest}.",
)
MANIFEST_BLOB_UNKNOWN = Sentence(
    id="registry.manifest-blob-unknown",
    text="MANIFEST_BLOB_UNKNOWN: blob unknown to registry",
    said_by=("any client that pushes, repeating the registry",),
    means="A manifest was pushed before one of the blobs it names; the registry refuses it.",
    kind="missing",
    codes=("LK201", "LK211", "LK405", "LK206"),
    causes=("incremental-filter", "missing-platform", "no-registry-blob"),
    next="Diagnose what was pushed: it lacks a blob, or a foreign layer was left out on purpose.",
)
MANIFEST_UNKNOWN = Sentence(
    id="registry.manifest-unknown",
    text="manifest unknown",
    said_by=ANY,
    means="The registry does not have this tag or digest.",
    kind="missing",
    codes=("LK211",),
    causes=("no-registry-blob",),
    next="Compare the name with the tags of the repository.",
)
MANIFEST_FOR = Sentence(
    id="registry.manifest-not-found",
    text="manifest for {reference:w} not found: manifest unknown: manifest unknown",
    said_by=DOCKER,
    means="The registry does not have {reference}.",
    kind="missing",
    codes=("LK211",),
    causes=("no-registry-blob",),
    next="Compare the name with the tags of the repository.",
)
NAME_UNKNOWN = Sentence(
    id="registry.name-unknown",
    text="repository name not known to registry",
    said_by=ANY,
    means="The registry has no repository of this name.",
    kind="missing",
    codes=("LK211",),
    next="Compare the name with the catalog of the registry.",
)
RESOLVE_REFERENCE = Sentence(
    id="registry.unresolved-reference",
    text="failed to resolve reference {reference:q}: ",
    said_by=CONTAINERD,
    means="{reference} could not be found at the registry.",
    kind="wrapper",
)
RESOLVE_NOT_FOUND = Sentence(
    id="registry.reference-not-found",
    text="failed to resolve reference {reference:q}: {name:w}: not found",
    said_by=CONTAINERD,
    means="The registry does not have {reference}.",
    kind="missing",
    codes=("LK211",),
    next="Compare the name with the tags of the repository.",
)
RESOLVE_IMAGE = Sentence(
    id="registry.image-not-found",
    text="failed to resolve image: {reference:w}: not found",
    said_by=("ctr 2.x (transfer service)",),
    means="The registry does not have {reference}.",
    kind="missing",
    codes=("LK211",),
    next="Compare the name with the tags of the repository.",
)
FETCH_DESCRIPTOR = Sentence(
    id="registry.descriptor-not-found",
    text="could not fetch content descriptor {digest:h} ({media_type:w}) from remote: not found",
    said_by=CONTAINERD,
    means="The registry has the manifest and not the blob {digest}.",
    kind="missing",
    codes=("LK201", "LK210"),
    causes=("no-registry-blob",),
    next=BROKEN_REGISTRY,
)
SEEKER = Sentence(
    id="registry.failed-open",
    text="httpReadSeeker: failed open: ",
    said_by=CONTAINERD,
    means="A blob could not be fetched.",
    kind="wrapper",
)
COMMIT_FAILED = replace(
    SEEKER,
    id="registry.commit-failed",
    text="commit failed: ",
    means="A blob could not be stored.",
)
COMMIT_DIGEST = Sentence(
    id="registry.unexpected-commit-digest",
    text="unexpected commit digest {got:h}, expected {expected:h}",
    said_by=CONTAINERD,
    means="What came from the registry hashes to {got}, {expected} was promised.",
    kind="content",
    codes=("LK203", "LK206"),
    causes=("corrupt-copy", "truncated-copy"),
    next=BROKEN_REGISTRY,
)
FAILED_COMMIT = Sentence(
    id="registry.failed-commit",
    text="failed commit on ref {blob:q}: ",
    said_by=CONTAINERD,
    means="The blob {blob} could not be stored.",
    kind="wrapper",
    fields={"blob": "kind and digest of the blob"},
)
LAYER_VERIFICATION = Sentence(
    id="registry.layer-verification",
    text="filesystem layer verification failed for digest {expected:h}",
    said_by=DOCKER,
    means="The bytes of a layer that came from the registry do not hash to {expected}.",
    kind="content",
    codes=("LK203",),
    causes=("corrupt-copy", "truncated-copy"),
    next=BROKEN_REGISTRY,
)
PULLING_CONFIG = Sentence(
    id="registry.pulling-config",
    text="error pulling image configuration: ",
    said_by=DOCKER,
    means="The config could not be fetched.",
    kind="wrapper",
    codes=("LK210",),
)
DOWNLOAD_ATTEMPTS = Sentence(
    id="registry.download-attempts",
    text="download failed after attempts={attempts:d}: ",
    said_by=DOCKER,
    means="The download was given up after {attempts} attempts.",
    kind="wrapper",
    fields={"attempts": "how often it was tried"},
)
CONFIG_VERIFICATION = Sentence(
    id="registry.config-verification",
    text="image config verification failed for digest {expected:h}",
    said_by=DOCKER,
    means="The config that came from the registry does not hash to {expected}.",
    kind="content",
    codes=("LK206",),
    causes=("corrupt-copy",),
    next=BROKEN_REGISTRY,
)
MANIFEST_VERIFICATION = Sentence(
    id="registry.manifest-verification",
    text="manifest verification failed for digest {expected:h}",
    said_by=DOCKER,
    means="The manifest that came from the registry does not hash to {expected}.",
    kind="content",
    codes=("LK203", "LK211"),
    causes=("corrupt-copy",),
    next=BROKEN_REGISTRY,
)
FETCH_STATUS = Sentence(
    id="registry.blob-status",
    text="Error fetching blob: invalid status code from registry {status:d} ({reason})",
    said_by=("podman 4, skopeo up to 1.9",),
    means="The registry answered {status} ({reason}) for a blob; 404 means it has the manifest and not the blob.",
    kind="missing",
    fields={"status": "HTTP status"},
    codes=("LK201", "LK210"),
    causes=("no-registry-blob",),
    next=BROKEN_REGISTRY,
)
FETCHING_BLOB = Sentence(
    id="registry.fetching-blob",
    text="fetching blob: ",
    said_by=("podman 5, skopeo",),
    means="A blob could not be fetched.",
    kind="wrapper",
)
READING_MANIFEST = Sentence(
    id="registry.reading-manifest",
    text="reading manifest {tag:w} in {repository:w}: ",
    said_by=("podman, skopeo",),
    means="The manifest {tag} of {repository} could not be fetched.",
    kind="wrapper",
    fields={"tag": "tag or digest", "repository": "repository at the registry"},
)
UNSUPPORTED_MEDIA_TYPE = Sentence(
    id="registry.unsupported-media-type",
    text="unsupported media type {media_type:w}",
    said_by=DOCKER,
    means="A layer has the media type {media_type}, which this Docker cannot unpack.",
    kind="compression",
    codes=("LK402", "LK404"),
    causes=("compression-unsupported",),
    next="Diagnose the image: what is called a layer may be an attestation or another artifact.",
)
UNUSABLE_OS = Sentence(
    id="registry.unusable-os",
    text="image operating system {os:q} cannot be used on this platform",
    said_by=DOCKER,
    means="The image is for {os}, the daemon runs on something else.",
    kind="platform",
    codes=("LK401",),
    causes=("missing-platform",),
    next="Pull the image for the platform of the host.",
)
NO_MATCHING_MANIFEST = Sentence(
    id="registry.no-matching-manifest",
    text="no matching manifest for {platform:w} in the manifest list entries",
    said_by=("docker pull, all versions",),
    means="The index has no image for {platform}.",
    kind="platform",
    codes=("LK401", "LK308"),
    causes=("missing-platform",),
    next="List the platforms of the index; pull with --platform.",
)
UNPACK_SNAPSHOTTER = Sentence(
    id="registry.unpack-snapshotter",
    text="failed to unpack image on snapshotter {snapshotter:s}: ",
    said_by=CONTAINERD,
    means="The image was fetched and could not be unpacked.",
    kind="wrapper",
)
UNAUTHORIZED = Sentence(
    id="registry.unauthorized",
    text="unauthorized: authentication required",
    said_by=ANY,
    means="The registry wants a login.",
    kind="access",
    next="Log in to the registry; the name of the host must be exactly the one in the reference.",
)
DENIED = Sentence(
    id="registry.denied",
    text="denied: requested access to the resource is denied",
    said_by=ANY,
    means="The registry does not let this user read or write here; it says the same for a repository that "
    "does not exist.",
    kind="access",
    next="Check the name first, then the login.",
)
PULL_DENIED = Sentence(
    id="registry.pull-denied",
    text="pull access denied for {reference:w}, repository does not exist or may require",
    said_by=("docker pull, all versions",),
    means="There is no repository {reference}, or it wants a login. After a load that should have brought "
    "the image, it means the image is not there under this name.",
    kind="access",
    codes=("LK403", "LK407"),
    next="Compare docker images with the names in the archive.",
)
TOO_MANY_REQUESTS = Sentence(
    id="registry.too-many-requests",
    text="toomanyrequests: ",
    said_by=ANY,
    means="The registry limits how many pulls it answers.",
    kind="access",
    next="Log in or wait; a store that keeps layers avoids fetching them again.",
)
UNKNOWN_AUTHORITY = Sentence(
    id="registry.unknown-authority",
    text="x509: certificate signed by unknown authority",
    said_by=ANY,
    means="The certificate of the registry (or of a proxy in between) is signed by someone this machine does not know.",
    kind="network",
    next="Install the authority's certificate; this says nothing about the image.",
)
HTTP_TO_HTTPS = Sentence(
    id="registry.http-response",
    text="http: server gave HTTP response to HTTPS client",
    said_by=ANY,
    means="The registry speaks plain HTTP, the client expects HTTPS.",
    kind="network",
    next="Declare the registry as insecure, if it is meant to be; this says nothing about the image.",
)
NO_SUCH_HOST = Sentence(
    id="registry.no-such-host",
    text="dial tcp: lookup {host:w}: no such host",
    said_by=ANY,
    means="The name {host} is not known to the network.",
    kind="network",
    fields={"host": "the name that was looked up"},
    next="Check the name, the DNS and the proxy; this says nothing about the image.",
)
NO_SUCH_HOST_SERVER = replace(
    NO_SUCH_HOST,
    id="registry.no-such-host-server",
    text="dial tcp: lookup {host:w} on {server:w}: no such host",
    fields={"host": "the name that was looked up", "server": "the DNS server"},
)
REFUSED = Sentence(
    id="registry.connection-refused",
    text="connect: connection refused",
    said_by=ANY,
    means="Nothing listens at the address.",
    kind="network",
    next="Check address and port, and whether the service runs; this says nothing about the image.",
)
TIMEOUT = Sentence(
    id="registry.tls-timeout",
    text="net/http: TLS handshake timeout",
    said_by=ANY,
    means="The registry did not answer in time.",
    kind="network",
    next="Check network and proxy; this says nothing about the image.",
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
