"""Archives that no observation covers, each with what podman 4.3.1 was seen to say of it (H is 64 hex digits)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.images import ABSENT, Spec, Tar, docker_archive, hybrid, layer, oci_layout, pack, sha256, stack

TAG = "odd.test/image:t"
MIME = f"docker-archive: determining manifest MIME type for docker-archive:ARCHIVE:{TAG}: "
MISMATCH = "Digest did not match, expected sha256:H, got sha256:H"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
Odd = tuple[Callable[[], Tar | bytes], str]


def spec(**knobs: Any) -> Spec:
    return Spec(**{"tags": (TAG,), "layers": stack("odd"), **knobs})


def docker(**knobs: Any) -> Tar:
    return docker_archive(spec(**knobs))


def oci(*, nested: bool = False, **knobs: Any) -> Tar:
    return oci_layout(spec(**{"compression": "gzip", **knobs}), nested=nested)


def linked(target: str, *, hard: bool = False) -> Tar:
    """Layer 1 is stored as store/x.tar only, and its own name leads there."""
    tar, name = docker(stored={1: None}).file("store/x.tar", layer("odd", 1)), spec().layer_names[1]
    return tar.hardlink(name, target) if hard else tar.symlink(name, target)


def nested(architecture: str, **knobs: Any) -> Tar:
    platform = {"platform": {"os": "linux", "architecture": architecture}}
    return oci(nested=True, descriptor=platform, **knobs)


ODD: Mapping[str, Odd] = {
    "untagged and too few": (
        lambda: docker(tags=None, entry={"Layers": lambda names: names[:2]}),
        "docker-archive: Inconsistent layer count: 2 in manifest, 3 in config",
    ),
    "untagged and wrong": (
        lambda: docker(tags=None, stored={1: layer("other", 1)}),
        f"docker-archive: writing blob: setting up to decompress blob: happened during read: {MISMATCH}",
    ),
    "short name": (
        lambda: docker(tags=("foo:t",), entry={"Layers": None}),
        (
            "docker-archive: determining manifest MIME type for docker-archive:ARCHIVE:docker.io/library/foo:t: "
            "Inconsistent layer count: 0 in manifest, 3 in config"
        ),
    ),
    "name that is hex": (
        lambda: docker(tags=("a" * 64,)),
        (
            'docker-archive: Invalid tag "H" in manifest item @0: invalid repository name (H), '
            "cannot specify 64-byte hexadecimal strings"
        ),
    ),
    "name without tag": (
        lambda: docker(tags=("foo",)),
        "docker-archive: Invalid tag foo (docker.io/library/foo): does not contain a tag",
    ),
    "layers not a list": (
        lambda: docker(entry={"Layers": "x"}),
        (
            "docker-archive: decoding tar manifest.json: json: cannot unmarshal string into Go struct field "
            "ManifestItem.Layers of type []string"
        ),
    ),
    "diff IDs not texts": (
        lambda: docker(config={"rootfs": {"type": "layers", "diff_ids": [1, 2, 3]}}),
        MIME + "decoding tar config H.json: json: cannot unmarshal number into Go struct field "
        "Schema2RootFS.rootfs.diff_ids of type digest.Digest",
    ),
    "a time that is none": (
        lambda: docker(config={"created": "yesterday"}),
        MIME + 'decoding tar config H.json: parsing time "\\"yesterday\\"" as "\\"2006-01-02T15:04:05Z07:00\\"": '
        'cannot parse "yesterday\\"" as "2006"',
    ),
    "config absent": (
        lambda: docker(stored={"config": None}),
        MIME + "loading tar component H.json: file does not exist",
    ),
    "7 bytes": (lambda: docker(stored={1: b"1234567"}), f"docker-archive: reading blob sha256:H: {MISMATCH}"),
    "32 KiB": (
        lambda: docker(stored={1: layer("x", 1, 60_000)[:32768]}),
        f"docker-archive: writing blob: setting up to decompress blob: happened during read: {MISMATCH}",
    ),
    "32 KiB and a byte": (
        lambda: docker(stored={1: layer("x", 1, 60_000)[:32769]}),
        f'docker-archive: writing blob: storing blob to file "/var/tmp/storageNNN/N": happened during read: {MISMATCH}',
    ),
    "wrong gzip": (
        lambda: docker(compression="gzip", stored={1: pack(layer("x", 1), "gzip")}),
        f'docker-archive: writing blob: storing blob to file "/var/tmp/storageNNN/N": happened during read: {MISMATCH}',
    ),
    "gzip with a tail": (
        lambda: docker(compression="gzip", stored={1: lambda data: data + bytes(100)}),
        MIME + "reading 01-NAME/layer.tar to find its size: gzip: invalid header",
    ),
    "gzip checksum": (
        lambda: docker(compression="gzip", stored={1: lambda data: data[:-8] + b"abcd" + data[-4:]}),
        MIME + "reading 01-NAME/layer.tar to find its size: gzip: invalid checksum",
    ),
    "gzip without header": (
        lambda: docker(compression="gzip", stored={1: b"\x1f\x8b\x08"}),
        MIME + "auto-decompressing 01-NAME/layer.tar to determine its size: initializing decompression: unexpected EOF",
    ),
    "layer that is no tar": (
        lambda: docker(layers=(layer("odd", 0), b"plain text " * 100)),
        (
            'docker-archive: writing blob: adding layer with blob "sha256:H": ApplyLayer stdout:  stderr: '
            "archive/tar: invalid tar header exit status 1"
        ),
    ),
    "layer compressed twice": (
        lambda: docker(layers=(layer("odd", 0), pack(layer("odd", 1), "gzip")), compression="gzip"),
        "",
    ),
    "two links": (
        lambda: linked("../store/y.tar").symlink("store/y.tar", "x.tar"),
        "docker-archive: reading blob sha256:H: Error reading tar archive component store/y.tar: not a regular file",
    ),
    "absolute link": (lambda: linked("/store/x.tar"), "docker-archive: reading blob sha256:H: file does not exist"),
    "hard link": (lambda: linked("store/x.tar", hard=True), f"docker-archive: reading blob sha256:H: {MISMATCH}"),
    "absolute paths": (
        lambda: docker(entry={"Layers": lambda names: ["/" + name for name in names]}),
        MIME + "Some layer tarfiles are missing in the tarball",
    ),
    "diff ID by SHA-512": (
        lambda: docker(diff_ids=(*spec().true_diff_ids[:2], "sha512:" + "a" * 64)),
        (
            "docker-archive: trying to reuse blob sha512:H at destination: Can not check for a blob with invalid "
            "digest: invalid checksum digest length"
        ),
    ),
    "cut in the manifest": (
        lambda: (data := bytes(docker()))[: data.rindex(b'"Layers"')],
        "docker-archive: unexpected EOF",
    ),
    "a header damaged": (
        lambda: (data := bytes(docker()))[:10752] + b"x" * 512 + data[11264:],
        "docker-archive: loading tar component manifest.json: archive/tar: invalid tar header",
    ),
    "text": (lambda: b"hello", "docker-archive: loading tar component manifest.json: unexpected EOF"),
    "large gzip": (
        lambda: pack(bytes(docker(layers=(layer("odd", 0, 1_500_000),))), "gzip"),
        "docker-archive: loading tar component manifest.json: archive/tar: invalid tar header",
    ),
    "gzip hybrid": (lambda: pack(bytes(hybrid(spec())), "gzip"), ""),
    "OCI without a name": (
        lambda: oci(tags=None, ref="", stored={"manifest": None}),
        "oci-archive: open /var/tmp/ociN/blobs/sha256/H: no such file or directory",
    ),
    "OCI with a bad name": (
        lambda: oci(tags=None, ref="a b"),
        'oci-archive: normalizing name "a b": invalid reference format',
    ),
    "OCI manifest absent": (
        lambda: oci(stored={"manifest": None}),
        (
            "oci-archive: determining manifest MIME type for oci-archive:ARCHIVE:: open /var/tmp/ociN/blobs/sha256/H: "
            "no such file or directory"
        ),
    ),
    "OCI manifest ambiguous": (
        lambda: oci(manifest={"manifests": []}),
        (
            "oci-archive: initializing image from source oci-archive:ARCHIVE:: rejecting ambiguous manifest, "
            'unexpected fields []string{"manifests"} in supposedly application/vnd.oci.image.index.v1+json'
        ),
    ),
    "OCI of an unknown type": (
        lambda: oci(descriptor={"mediaType": "application/x-other"}),
        "oci-archive: initializing image from source oci-archive:ARCHIVE:: unsupported schema version 2",
    ),
    "OCI config size": (
        lambda: oci(manifest={"config": lambda config: {**config, "size": config["size"] + 7}}),
        "oci-archive: writing blob: blob size mismatch",
    ),
    "OCI config altered": (
        lambda: oci(stored={"config": lambda data: data.replace(b"amd64", b"amd65")}),
        (
            "oci-archive: parsing image configuration: Download config.json digest sha256:H does not match expected "
            "sha256:H"
        ),
    ),
    "OCI config of another kind": (
        lambda: oci(manifest={"config": lambda config: {**config, "mediaType": "application/x"}}),
        (
            "oci-archive: parsing image configuration: unsupported image-specific operation on artifact with type "
            '"application/x"'
        ),
    ),
    "OCI layer size": (
        lambda: oci(manifest={"layers": lambda layers: [{**layers[0], "size": 5}, *layers[1:]]}),
        "",
    ),
    "OCI surplus layer": (lambda: oci(diff_ids=spec().true_diff_ids[:2]), ""),
    "OCI 9 bytes": (
        lambda: oci(stored={1: b"123456789"}),
        f"oci-archive: writing blob: setting up to decompress blob: happened during read: {MISMATCH}",
    ),
    "OCI 10 bytes": (
        lambda: oci(stored={1: b"1234567890"}),
        f'oci-archive: writing blob: storing blob to file "/var/tmp/storageNNN/N": happened during read: {MISMATCH}',
    ),
    "OCI annotation not a text": (
        lambda: oci(manifest={"annotations": {"a": 5}}),
        (
            "oci-archive: initializing image from source oci-archive:ARCHIVE:: json: cannot unmarshal number into Go "
            "struct field OCI1.annotations of type string"
        ),
    ),
    "OCI blob twice": (
        lambda: oci().file(f"blobs/sha256/{sha256(pack(layer('odd', 1), 'gzip'))[7:]}", b"junk" * 9, at=0),
        "",
    ),
    "OCI link out": (
        lambda: oci().symlink("way", "../../../etc/passwd"),
        (
            'oci-archive: creating temp directory: untarring file "/var/tmp/ociN": invalid symlink "/var/tmp/ociN/way" '
            '-> "../../../etc/passwd"'
        ),
    ),
    "OCI member out": (
        lambda: oci().file("../way", b"x"),
        'oci-archive: creating temp directory: untarring file "/var/tmp/ociN": "../way" is outside of "/var/tmp/ociN"',
    ),
    "OCI nested": (lambda: nested("amd64"), ""),
    "OCI nested altered": (
        lambda: nested("amd64", stored={"manifest": lambda data: data + b" "}),
        (
            "oci-archive: copying system image from manifest list: determining manifest MIME type for "
            "oci-archive:ARCHIVE:: Manifest does not match provided manifest digest sha256:H"
        ),
    ),
    "OCI nested without its layer": (
        lambda: nested("amd64", stored={1: None}),
        (
            "oci-archive: copying system image from manifest list: reading blob sha256:H: open "
            "/var/tmp/ociN/blobs/sha256/H: no such file or directory"
        ),
    ),
    "OCI nested of another platform, unnamed": (
        lambda: nested("arm64", tags=None, ref=""),
        (
            "oci-archive: choosing image instance: no image found in image index for architecture amd64, "
            'variant "", OS linux'
        ),
    ),
    "OCI without a config": (
        lambda: oci(manifest={"config": ABSENT}),
        'oci-archive: parsing image configuration: unsupported image-specific operation on artifact with type ""',
    ),
    "hybrid, OCI half bad": (
        lambda: hybrid(spec(manifest={"layers": lambda all: [{**all[0], "digest": "sha256:" + "a" * 64}, *all[1:]]})),
        "",
    ),
    "hybrid with a member out": (lambda: hybrid(spec()).file("../way", b"x"), ""),
}
