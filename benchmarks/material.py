"""What is measured: images made of this machine's own files, kept in the cache folder between runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from isal import igzip
from platformdirs import user_cache_path

LAYERS = 36
RAW = 1_200_000_000


def folder() -> Path:
    path = user_cache_path("layerkit-benchmarks")
    path.mkdir(parents=True, exist_ok=True)
    return path


def _files() -> Iterator[Path]:
    """Real files in a stable order: programs, libraries, Python sources."""
    for root in ("/usr/lib", "/usr/share", "/usr/bin", "/usr/local", str(Path.home())):
        for parent, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                if path.is_file() and not path.is_symlink() and 0 < path.stat().st_size < 20_000_000:
                    yield path


def _layers() -> Iterator[bytes]:
    """Tars of real files, RAW bytes in all."""
    files = _files()
    for _ in range(LAYERS):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            while buffer.tell() < RAW / LAYERS:
                path = next(files, None)
                if path is None:
                    files = _files()
                    continue
                try:
                    data = path.read_bytes()
                except OSError:
                    continue
                info = tarfile.TarInfo(str(path).lstrip("/"))
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        yield buffer.getvalue()


def gzip_archive() -> Path:
    """A docker-archive of 36 gzip layers, about 440 MB packed and 1.2 GB raw."""
    path = folder() / f"gzip-{LAYERS}.tar"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    diff_ids, names = [], []
    with tarfile.open(part, "w") as tar:
        for raw in _layers():
            packed = igzip.compress(raw, compresslevel=3)
            diff_ids.append("sha256:" + hashlib.sha256(raw).hexdigest())
            names.append(hashlib.sha256(packed).hexdigest() + ".tar.gz")
            _add(tar, names[-1], packed)
        config = _config(diff_ids)
        _add(tar, "config.json", config)
        _add(tar, "manifest.json", _manifest("bench:1", names))
    part.replace(path)
    return path


def versions() -> dict[str, Path]:
    """Two versions of the gzip image as OCI layouts; the second has two layers of its own on top of the lowest 34."""
    found = {tag: folder() / f"release-{tag}" for tag in ("1", "2")}
    if found["2"].exists():
        return found
    with tarfile.open(gzip_archive()) as tar:
        config = json.load(tar.extractfile("config.json") or io.BytesIO())
        names = json.load(tar.extractfile("manifest.json") or io.BytesIO())[0]["Layers"]
        packed = [(tar.extractfile(name) or io.BytesIO()).read() for name in names]
    diff_ids = config["rootfs"]["diff_ids"]
    _layout(found["1"], packed, diff_ids, GZIP)
    dice = random.Random(2)
    new = [_one_file(dice.randbytes(size)) for size in (15_000_000, 9_000_000)]
    own = [igzip.compress(raw, compresslevel=3) for raw in new]
    ids = ["sha256:" + hashlib.sha256(raw).hexdigest() for raw in new]
    _layout(found["2"], packed[:34] + own, diff_ids[:34] + ids, GZIP)
    return found


def _one_file(data: bytes) -> bytes:
    """A layer that does not compress, and that a runtime unpacks."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, "data", data)
    return buffer.getvalue()


def large_layout() -> Path:
    """An OCI layout of eight plain layers that do not compress, 4 GB in all."""
    path = folder() / "layout-large"
    if not path.exists():
        layers = [os.urandom(1 << 20) * 500 for _ in range(8)]
        _layout(path, layers, ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers], PLAIN)
    return path


PLAIN = "application/vnd.oci.image.layer.v1.tar"
GZIP = PLAIN + "+gzip"


def _layout(path: Path, layers: list[bytes], diff_ids: list[str], media_type: str) -> None:
    part = path.with_suffix(".part")
    (part / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)

    def put(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (part / "blobs" / "sha256" / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    config = put(_config(diff_ids), "application/vnd.oci.image.config.v1+json")
    manifest = {"schemaVersion": 2, "config": config, "layers": [put(data, media_type) for data in layers]}
    kind = "application/vnd.oci.image.manifest.v1+json"
    top = put(json.dumps({**manifest, "mediaType": kind}).encode(), kind)
    (part / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (part / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    part.replace(path)


def sparse_archive(size: int) -> Path:
    """A docker-archive whose layers take `size` bytes in all and nearly nothing on disk."""
    path = folder() / f"sparse-{size}.tar"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    each = size // LAYERS
    names = [f"{i:02d}/layer.tar" for i in range(LAYERS)]
    with part.open("wb") as file:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = each
            file.write(info.tobuf(tarfile.USTAR_FORMAT if each < 8 << 30 else tarfile.GNU_FORMAT))
            file.seek(each + -each % 512, os.SEEK_CUR)
        config = _config([f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in names])
        for name, data in (("config.json", config), ("manifest.json", _manifest("bench:sparse", names))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.write(info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512))
        file.write(bytes(1024))
    part.replace(path)
    return path


def _config(diff_ids: list[str]) -> bytes:
    history = [{"created_by": f"RUN step {i}"} for i in range(len(diff_ids))]
    doc = {"architecture": "amd64", "os": "linux", "history": history}
    return json.dumps({**doc, "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()


def _manifest(tag: str, names: list[str]) -> bytes:
    return json.dumps([{"Config": "config.json", "RepoTags": [tag], "Layers": names}]).encode()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    # In a process of its own: what is built here in memory must not count as the peak of what is measured later.
    for name in sys.argv[1:]:
        globals()[name]()
