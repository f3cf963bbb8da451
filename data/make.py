"""Rebuild the archives in this folder, bit for bit.

    python data/make.py            write them
    python data/make.py --check    say which differ from what is here (exit 1), write nothing

Each holds one deliberate defect, or none (`sound-*`); README.md tells them apart. The layers are real tars
of a few KB, so a real daemon loads the sound ones. The tar and gzip writers are spelt out, since those of the
standard library may write other bytes in another version of Python or zlib. One file, standard library only,
so that it runs anywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CREATED, MTIME = "2024-05-14T09:00:00Z", 1715677200
FILE, LINK, FOLDER = b"0", b"2", b"5"
EMPTY_LAYER = bytes(1024)  # what schema 1 stored for a step without files
MEDIA = "application/vnd.oci.image."
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"

# What each Dockerfile step left behind: the history text, and the file, folder/ or link->target of its layer.
# No second part: the step made no layer.
BASE = """
ADD rootfs.tar.xz / # buildkit | etc/os-release
CMD ["bash"]
RUN /bin/sh -c apt-get update && apt-get install -y ca-certificates | etc/ssl/certs/ca-certificates.crt
ENV LANG=C.UTF-8
RUN /bin/sh -c apt-get install -y libssl3 libsqlite3-0 | usr/lib/x86_64-linux-gnu/libssl.so.3
RUN /bin/sh -c ./configure && make install | usr/local/bin/python3.12
RUN /bin/sh -c ln -s python3.12 /usr/local/bin/python | usr/local/bin/python->python3.12
RUN /bin/sh -c python -m ensurepip | usr/local/lib/python3.12/site-packages/pip/__init__.py
CMD ["python3"]
RUN /bin/sh -c apt-get install -y curl tini | usr/bin/tini
RUN /bin/sh -c locale-gen | usr/lib/locale/locale-archive
RUN /bin/sh -c useradd --system app | etc/passwd
COPY shop-ca.crt /usr/local/share/ca-certificates/ # buildkit | usr/local/share/ca-certificates/shop-ca.crt
RUN /bin/sh -c update-ca-certificates | etc/ssl/certs/shop-ca.pem
"""
PACKAGES = """numpy pandas requests flask gunicorn sqlalchemy psycopg redis celery jinja2 pillow lxml
cryptography pydantic httpx orjson"""
SITE = "usr/local/lib/python3.12/site-packages"
INSTALLS = "".join(f"RUN /bin/sh -c pip install {name} | {SITE}/{name}/__init__.py\n" for name in PACKAGES.split())
APP = f"""
LABEL org.opencontainers.image.title=shop
WORKDIR /srv | srv/
ENV PYTHONUNBUFFERED=1
COPY requirements.txt /srv/ # buildkit | srv/requirements.txt
{INSTALLS}
COPY static /srv/static # buildkit | srv/static/shop.css
COPY templates /srv/templates # buildkit | srv/templates/cart.html
COPY migrations /srv/migrations # buildkit | srv/migrations/0001_initial.sql
COPY app /srv/app # buildkit | srv/app/main.py
RUN /bin/sh -c python -m compileall /srv | srv/app/__pycache__/main.cpython-312.pyc
COPY entrypoint.sh / # buildkit | entrypoint.sh
RUN /bin/sh -c chmod +x /entrypoint.sh | usr/local/bin/shop->/entrypoint.sh
USER app
EXPOSE map[8000/tcp:{{}}]
ENTRYPOINT ["/usr/bin/tini" "--" "/entrypoint.sh"]
"""


def encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hexes(digest: str) -> str:
    return digest.removeprefix("sha256:")


Member = tuple[str, bytes, bytes, str]  # name, type, data, link target


def member(name: str, data: bytes = b"", kind: bytes = FILE, target: str = "") -> Member:
    return name, kind, data, target


def tar(members: Iterable[Member], *, end: bool = True) -> bytes:
    """A POSIX ustar file; names of at most 100 bytes, which is all that is needed here."""
    out = []
    for name, kind, data, target in members:
        mode = 0o644 if kind == FILE else 0o755
        zero, size, time = b"0000000", b"%011o" % len(data), b"%011o" % MTIME
        fields = (name.encode(), b"%07o" % mode, zero, zero, size, time, b" " * 8, kind, target.encode())
        head = struct.pack("100s8s8s8s12s12s8sc100s8s247x", *fields, b"ustar\x0000")
        head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
        out += [head, data, bytes(-len(data) % 512)]
    return b"".join(out) + (bytes(1024) if end else b"")


def gzip(data: bytes) -> bytes:
    """A gzip stream of stored blocks (RFC 1951 section 3.2.4): no compressor, hence no version of one."""
    pieces = [data[at : at + 65535] for at in range(0, len(data), 65535)]
    blocks = [
        struct.pack("<BHH", number == len(pieces) - 1, len(piece), len(piece) ^ 0xFFFF) + piece
        for number, piece in enumerate(pieces)
    ]
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return head + b"".join(blocks) + struct.pack("<II", zlib.crc32(data), len(data))


def layer(path: str, version: str) -> bytes:
    """The layer tar of one step: `folder/`, `link->target`, or a file of 200 to 2000 bytes of text."""
    name, arrow, target = path.partition("->")
    if arrow:
        return tar([member(name, kind=LINK, target=target)])
    if name.endswith("/"):
        return tar([member(name, kind=FOLDER)])
    size = 200 + zlib.crc32(name.encode()) % 1800
    lines = "".join(f"{name} {version} line {number}\n" for number in range(size // (len(name) + 16) + 1))
    return tar([member(name, lines.encode())])


@dataclass(frozen=True)
class Image:
    """A sound image; the defects are made from its parts."""

    tag: str
    history: tuple[dict[str, Any], ...]
    layers: tuple[bytes, ...]

    @property
    def reference(self) -> str:
        return f"registry.example/shop/{self.tag}"

    @property
    def diff_ids(self) -> list[str]:
        return [sha256(data) for data in self.layers]

    @property
    def config(self) -> bytes:
        return encode(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": CREATED,
                "config": {"Env": ["LANG=C.UTF-8"], "Cmd": ["/entrypoint.sh"], "WorkingDir": "/srv"},
                "history": self.history,
                "rootfs": {"type": "layers", "diff_ids": self.diff_ids},
            }
        )

    @property
    def ids(self) -> list[str]:
        """Folder names as `docker save` made them up: they tell nothing about the content."""
        return [hexes(sha256(f"{self.reference} {number}".encode())) for number in range(len(self.layers))]

    @property
    def folders(self) -> list[str]:
        return [f"{name}/layer.tar" for name in self.ids]


def image(tag: str, recipe: str, *, newer: tuple[str, ...] = ()) -> Image:
    """Build `recipe`; the steps whose file is in `newer` have the content of version 1.1."""
    history, layers = [], []
    for line in filter(None, map(str.strip, recipe.splitlines())):
        text, _, path = line.partition(" | ")
        step = {"created": CREATED, "created_by": text, "comment": "buildkit.dockerfile.v0"}
        if path:
            layers.append(layer(path, "1.1" if path in newer else "1.0"))
        history.append(step if path else {**step, "empty_layer": True})
    return Image(tag, tuple(history), tuple(layers))


def upto(recipe: str, layers: int) -> str:
    """The first lines of `recipe`, until they made that many layers."""
    taken: list[str] = []
    for line in recipe.splitlines():
        if sum(" | " in text for text in taken) == layers:
            break
        taken.append(line)
    return "\n".join(taken)


FULL = image("app:2.4", BASE + APP)  # 36 layers, the lowest 11 of them the base
SMALL = image("app:1.0", upto(BASE + APP, 6))
NEXT = image("app:1.1", upto(BASE + APP, 8))
SHOP = upto(BASE, 8) + "\nUSER app" + "".join("\n" + line for line in APP.splitlines() if "COPY" in line)
SHOP = upto(SHOP, 12)
SHOP_OLD = image("app:1.0", SHOP)
SHOP_NEW = image("app:1.1", SHOP, newer=("srv/migrations/0001_initial.sql", "srv/templates/cart.html"))


def entry(item: Image, config: str, names: Iterable[str]) -> dict[str, Any]:
    return {"Config": config, "RepoTags": [item.reference], "Layers": list(names)}


def docker(
    item: Image,
    names: list[str],
    *,
    stored: Mapping[int, bytes | None] | None = None,
    config: bytes | None = None,
    listed: list[str] | None = None,
    config_name: str = "{}.json",
) -> list[Member]:
    """The members of a docker-archive; `stored` replaces the bytes of layers, None leaves them out."""
    config = item.config if config is None else config
    files = dict(zip(names, item.layers, strict=True))
    real = {names[number]: data for number, data in (stored or {}).items()}
    kept = {**files, **real}
    where = config_name.format(hexes(sha256(config)))
    manifest = encode([entry(item, where, names if listed is None else listed)])
    parts = [member(name, data) for name, data in kept.items() if data is not None]
    return [*parts, member(where, config), member("manifest.json", manifest)]


def descriptor(kind: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": sha256(data), "size": len(data), **more}


def blob(data: bytes) -> str:
    return "blobs/sha256/" + hexes(sha256(data))


def naming(item: Image) -> dict[str, str]:
    tag = item.reference.rpartition(":")[2]
    return {"io.containerd.image.name": item.reference, "org.opencontainers.image.ref.name": tag}


def manifest_of(item: Image, config: dict[str, Any], pack: Callable[[bytes], bytes]) -> bytes:
    kind = MEDIA + ("layer.v1.tar+gzip" if pack is gzip else "layer.v1.tar")
    layers = [descriptor(kind, pack(data)) for data in item.layers]
    return encode({"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "config": config, "layers": layers})


def layout(blobs: Iterable[bytes], manifests: list[dict[str, Any]]) -> dict[str, bytes]:
    """The files of an OCI image layout, sorted by name as tools write it."""
    index = {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": manifests}
    files = {blob(data): data for data in blobs}
    files |= {"index.json": encode(index), "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    return dict(sorted(files.items()))


def oci(*images: Image, pack: Callable[[bytes], bytes] = gzip) -> dict[str, bytes]:
    blobs, manifests = [], []
    for item in images:
        manifest = manifest_of(item, descriptor(MEDIA + "config.v1+json", item.config), pack)
        blobs += [*map(pack, item.layers), item.config, manifest]
        manifests.append(descriptor(MEDIA + "manifest.v1+json", manifest, annotations=naming(item)))
    return layout(blobs, manifests)


def files(tree: Mapping[str, bytes]) -> bytes:
    return tar(member(name, data) for name, data in tree.items())


def colon(item: Image) -> list[str]:
    return [f"{diff_id}.tar" for diff_id in item.diff_ids]


def trimmed() -> bytes:
    names = colon(FULL)
    gone = dict.fromkeys(range(11))
    return tar(docker(FULL, names, stored=gone, listed=names[11:], config_name="sha256:{}.json"))


def absent() -> bytes:
    return tar(docker(FULL, colon(FULL), stored=dict.fromkeys(range(11)), config_name="sha256:{}.json"))


def surplus() -> bytes:
    """14 layers, and one empty one for each of three steps that only changed the config."""
    item = image("app:0.9", upto(BASE + APP, 14))
    layers, names = [*item.layers], [*item.folders]
    for number, at in enumerate((1, 7, 14)):
        layers.insert(at, EMPTY_LAYER)
        names.insert(at, hexes(sha256(b"throwaway %d" % number)) + "/layer.tar")
    return tar(docker(replace(item, layers=tuple(layers)), names, config=item.config))


def history_long() -> bytes:
    """12 history entries claim a layer, there are 11: the flag of one step without files was lost."""
    item = image("app:0.8", BASE)
    steps = [*item.history]
    steps[3] = {key: value for key, value in steps[3].items() if key != "empty_layer"}
    return tar(docker(replace(item, history=tuple(steps)), item.folders))


def history_short() -> bytes:
    """31 layers and 3 history entries: files were added as layers without a word in the history."""
    item = image("model:3", upto(BASE + APP, 31))
    steps = [step for step in item.history if "empty_layer" not in step][:3]
    return tar(docker(replace(item, history=tuple(steps)), item.folders))


def wrong_bytes() -> bytes:
    """One bit is flipped in the file of layer 3, the largest."""
    data = bytearray(SMALL.layers[3])
    data[600] ^= 1
    return tar(docker(SMALL, SMALL.folders, stored={3: bytes(data)}))


def swapped() -> bytes:
    names = SMALL.folders
    return tar(docker(SMALL, names, listed=[names[0], names[2], names[1], *names[3:]]))


def deduplicated() -> bytes:
    """Two steps left the same layer; the exporter listed and stored every layer once."""
    item = repeated()
    names = [f"{hexes(diff_id)}.tar" for diff_id in item.diff_ids]
    return tar(docker(item, names, listed=list(dict.fromkeys(names))))


def two_manifests() -> bytes:
    """A base archive with the delta to the next version appended, as some merge tools do it."""
    delta = docker(NEXT, colon(NEXT), stored=dict.fromkeys(range(6)))
    return tar(docker(SMALL, colon(SMALL)), end=False) + tar(delta)


def repeated() -> Image:
    """`WORKDIR` over a folder that is there leaves an empty layer; two of them have one diff ID."""
    item = image("app:1.2", upto(BASE, 4) + "\nWORKDIR /srv | srv/\nCOPY app /srv # buildkit | srv/app/main.py")
    again = {"created": CREATED, "created_by": "WORKDIR /srv", "comment": "buildkit.dockerfile.v0"}
    return replace(item, history=(*item.history, again), layers=(*item.layers, item.layers[4]))


def workdir() -> bytes:
    """`docker save` before 25.0: a folder per layer, a repeated one as a link, and `repositories`."""
    item, parts, parent = repeated(), [], ""
    for number, (name, data) in enumerate(zip(item.ids, item.layers, strict=True)):
        first = item.diff_ids.index(item.diff_ids[number])
        about = {"id": name, **({"parent": parent} if parent else {}), "created": CREATED, "os": "linux"}
        parts += [
            member(f"{name}/", kind=FOLDER),
            member(f"{name}/VERSION", b"1.0"),
            member(f"{name}/json", encode(about)),
            member(f"{name}/layer.tar", data)
            if first == number
            else member(f"{name}/layer.tar", kind=LINK, target=f"../{item.ids[first]}/layer.tar"),
        ]
        parent = name
    config = hexes(sha256(item.config)) + ".json"
    repository, _, tag = item.reference.rpartition(":")
    parts += [
        member(config, item.config),
        member("manifest.json", encode([entry(item, config, item.folders)])),
        member("repositories", encode({repository: {tag: parent}})),
    ]
    return tar(parts)


def legacy() -> bytes:
    """Before Docker 1.10: no manifest.json and no config, each layer names its parent."""
    parts, parent = [], ""
    for name, data in zip(SMALL.ids, SMALL.layers, strict=True):
        about = {"id": name, **({"parent": parent} if parent else {}), "created": CREATED, "os": "linux"}
        inside = (("VERSION", b"1.0"), ("json", encode(about)), ("layer.tar", data))
        parts += [member(f"{name}/", kind=FOLDER), *(member(f"{name}/{part}", text) for part, text in inside)]
        parent = name
    repository, _, tag = SMALL.reference.rpartition(":")
    return tar([*parts, member("repositories", encode({repository: {tag: parent}}))])


def sound_hybrid() -> bytes:
    """`docker save` since 25.0: an OCI layout of plain layers with manifest.json beside it."""
    tree = oci(SMALL, pack=bytes)
    plain = {sha256(data): descriptor(MEDIA + "layer.v1.tar", data) for data in SMALL.layers}
    item = {**entry(SMALL, blob(SMALL.config), map(blob, SMALL.layers)), "LayerSources": plain}
    repository, _, tag = SMALL.reference.rpartition(":")
    old = {"repositories": encode({repository: {tag: hexes(sha256(SMALL.layers[-1]))}})}
    return files({**tree, "manifest.json": encode([item]), **old})


def platform_absent() -> bytes:
    """The index offers linux/arm64 too, but only the blobs of linux/amd64 came along."""
    inner = []
    trees: dict[str, bytes] = {}
    for arch in ("amd64", "arm64"):
        config = SMALL.config.replace(b'"amd64"', encode(arch))
        manifest = manifest_of(SMALL, descriptor(MEDIA + "config.v1+json", config), gzip)
        platform = {"architecture": arch, "os": "linux"}
        inner.append(descriptor(MEDIA + "manifest.v1+json", manifest, platform=platform))
        if arch == "amd64":
            trees = {blob(data): data for data in (*map(gzip, SMALL.layers), config, manifest)}
    index = encode({"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": inner})
    outer = descriptor(MEDIA + "index.v1+json", index, annotations=naming(SMALL))
    return files(layout((*trees.values(), index), [outer]))


def build_cache() -> bytes:
    """What `buildx build --cache-to` stores: layers under a config that describes a cache, not an image."""
    packed = [gzip(data) for data in SMALL.layers]
    chain = [{"blob": sha256(data), "parent": number - 1} for number, data in enumerate(packed)]
    cache = encode({"layers": chain, "records": []})
    manifest = manifest_of(SMALL, descriptor(CACHE_CONFIG, cache), gzip)
    found = descriptor(MEDIA + "manifest.v1+json", manifest, annotations=naming(replace(SMALL, tag="app:cache")))
    return files(layout((*packed, cache, manifest), [found]))


def two_images() -> bytes:
    parts = {name: part for item in (SMALL, NEXT) for part in docker(item, colon(item)) for name in part[:1]}
    items = [entry(item, hexes(sha256(item.config)) + ".json", colon(item)) for item in (SMALL, NEXT)]
    del parts["manifest.json"]
    return tar([*parts.values(), member("manifest.json", encode(items))])


def rootfs() -> bytes:
    """`docker export`: the files of a container."""
    parts = [member(".dockerenv")]
    parts += [member(name, kind=FOLDER) for name in ("bin/", "dev/", "etc/", "proc/", "srv/", "tmp/", "usr/")]
    parts += [member(name, f"{name}\n".encode() * 9) for name in ("etc/os-release", "etc/passwd", "srv/app.py")]
    return tar(parts)


def utf16() -> bytes:
    """`docker save IMAGE > FILE` in Windows PowerShell: every byte read as text and written as UTF-16."""
    item = image("app:1.0", upto(BASE, 2))
    text = tar(docker(item, item.folders)).decode("cp437").replace("\n", "\r\n")
    return b"\xff\xfe" + text.encode("utf-16-le")


def truncated() -> bytes:
    """A copy that broke off after 60 %, inside a layer."""
    whole, last = tar(docker(FULL, colon(FULL))), FULL.layers[24]
    return whole[: whole.index(last) + len(last) // 2]


def site(host: str, runtime: str, version: str, store: str, *images: Image, packed: bool = False) -> bytes:
    """What `layerkit inventory HOST -o FILE` writes of a host with these images; `packed`: with their gzip blobs."""
    chains: set[str] = set()
    diffs: set[str] = set()
    blobs: set[str] = set()
    for item in images:
        chain = ""
        for diff_id in item.diff_ids:
            chain = sha256(f"{chain} {diff_id}".encode()) if chain else diff_id
            chains.add(chain)
        diffs.update(item.diff_ids)
        blobs.update(sha256(gzip(data)) for data in item.layers if packed)
    found = {
        "schema": "layerkit.inventory/1",
        "host": host,
        "runtime": runtime,
        "version": version,
        "store": store,
        "platform": "linux/amd64",
        "chain_ids": sorted(chains),
        "diff_ids": sorted(diffs),
        "blobs": sorted(blobs),
        "images": {item.reference: sha256(item.config) for item in images},
        "free_bytes": 20_000_000_000,
        "incomplete": [],
        "notes": [],
    }
    return (json.dumps(found, indent=1, sort_keys=True) + "\n").encode()


SITES: Mapping[str, Callable[[], bytes]] = {
    "berlin.json": lambda: site("berlin", "docker", "20.10.24", "classic", SHOP_OLD),
    "lisbon.json": lambda: site("lisbon", "podman", "4.3.1", "podman", SMALL),
    "oslo.json": lambda: site("oslo", "docker", "28.5.2", "containerd", SHOP_OLD, packed=True),
    "porto.json": lambda: site("porto", "docker", "26.1.5", "classic"),
}

ARCHIVES: Mapping[str, Callable[[], bytes]] = {
    "trimmed-25-of-36.tar": trimmed,
    "full-list-files-absent.tar": absent,
    "surplus-layers.tar": surplus,
    "deduplicated.tar": deduplicated,
    "history-too-long.tar": history_long,
    "history-too-short.tar": history_short,
    "wrong-bytes.tar": wrong_bytes,
    "swapped-order.tar": swapped,
    "two-manifests.tar": two_manifests,
    "truncated.tar": truncated,
    "utf16-redirect.tar": utf16,
    "rootfs-export.tar": rootfs,
    "build-cache.tar": build_cache,
    "platform-absent.tar": platform_absent,
    "legacy-v1.tar": legacy,
    "two-images.tar": two_images,
    "sound-docker.tar": lambda: tar(docker(SMALL, [f"{hexes(diff_id)}.tar" for diff_id in SMALL.diff_ids])),
    "sound-oci.tar": lambda: files(oci(SMALL)),
    "sound-hybrid.tar": sound_hybrid,
    "sound-workdir.tar": workdir,
}


def outputs() -> Iterator[tuple[str, bytes]]:
    """Every file made here, by its path in this folder."""
    for name, make in ARCHIVES.items():
        yield name, make()
    for name, data in oci(SHOP_OLD, SHOP_NEW).items():
        yield f"shop-oci/{name}", data
    for name, make in SITES.items():
        yield f"sites/{name}", make()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Rebuild the archives in this folder, bit for bit.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if anything differs")
    parser.add_argument("--into", type=Path, default=HERE, metavar="DIR", help="another folder than this")
    options = parser.parse_args(argv)
    made = dict(outputs())
    wrong = []
    for name, data in made.items():
        path = options.into / name
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        elif not path.is_file() or path.read_bytes() != data:
            wrong.append(f"{name}: {'differs' if path.is_file() else 'is absent'}")
    layouts = (
        path.relative_to(options.into).as_posix()
        for folder in ("shop-oci", "sites")
        for path in options.into.glob(f"{folder}/**/*")
        if path.is_file()
    )
    wrong += [f"{name}: is not made here" for name in layouts if name not in made]
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
