"""What is measured: images made of this machine's own files, kept in the cache folder between runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
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
