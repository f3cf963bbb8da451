"""How fast a repair that only concerns manifests is, in how much memory, and what a repair with a source moves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.images import Spec, docker_archive, oci_layout, stack
from tests.services import run_registry

from . import material
from .exporting import _sent
from .measuring import Row, median, pair, ratio, run

LAYERKIT = [str(Path(sys.executable).with_name("layerkit"))]
_SIZE, _LAYERS, _GONE = 4_000_000_000, 36, 11


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(dir=material.folder()) as name:
        yield from _manifest_only(Path(name))
        yield from _fetching(Path(name))


def _manifest_only(folder: Path) -> Iterator[Row]:
    """manifest.json lists the layers in the wrong order, their names tell which is which: 4 GB are copied, no more."""
    broken, fixed, copy = folder / "broken.tar", folder / "fixed.tar", folder / "copy.tar"
    _write(broken)
    ours = [*_repair(broken, fixed, folder), "--progress", "none"]
    theirs = ["cp", "--reflink=never", str(broken), str(copy)]
    a, b = pair(ours, theirs, rounds=3, left=([fixed], [copy]), room=6 << 30)
    figure = f"{ratio(a, b):.2f}x of {median(b):.1f} s"
    yield Row("manifest-only repair of 4 GB beside cp --reflink=never", figure, "at most 1.3x", ratio(a, b) <= 1.3)
    peak = max(one.peak for one in a)
    yield Row("manifest-only repair of 4 GB, peak memory", f"{peak:.0f} MB", "under 150 MB", peak < 150)
    copy.unlink(missing_ok=True)
    again = run([*LAYERKIT, "repair", str(broken), "--in-place", "--store", str(folder / "store")]).wall
    yield Row("the same with --in-place", f"{again:.2f} s", "under 2 s", again < 2)
    broken.unlink()


def _repair(broken: Path, fixed: Path, folder: Path) -> list[str]:
    return [*LAYERKIT, "repair", str(broken), "-o", str(fixed), "--store", str(folder / "store")]


def _write(path: Path) -> None:
    """A docker-archive of plain layers named by their diff IDs, of bytes that no disk can make smaller."""
    each = _SIZE // _LAYERS // 512 * 512
    diff_ids = []
    with path.open("wb") as file:
        for _ in range(_LAYERS):
            hasher, block, at = hashlib.sha256(), bytearray(os.urandom(1 << 20)), file.tell()
            file.write(bytes(512))
            left = each
            while left:
                block[:8] = left.to_bytes(8, "little")
                piece = memoryview(block)[: min(left, len(block))]
                hasher.update(piece)
                file.write(piece)
                left -= len(piece)
            diff_ids.append(f"sha256:{hasher.hexdigest()}")
            file.seek(at)
            file.write(_header(f"{hasher.hexdigest()}/layer.tar", each))
            file.seek(0, os.SEEK_END)
        rootfs = {"type": "layers", "diff_ids": diff_ids}
        history = [{"created_by": f"RUN {n}"} for n in range(_LAYERS)]
        config = json.dumps({"architecture": "amd64", "os": "linux", "history": history, "rootfs": rootfs}).encode()
        names = [f"{diff_id[7:]}/layer.tar" for diff_id in diff_ids]
        item = {"Config": "config.json", "RepoTags": ["registry.example/bench:1"], "Layers": names[:_GONE:-1]}
        for name, data in (("config.json", config), ("manifest.json", json.dumps([item]).encode())):
            file.write(_header(name, len(data)) + data + bytes(-len(data) % 512))
        file.write(bytes(1024))


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


def _fetching(folder: Path) -> Iterator[Row]:
    name = "repair with 11 of 36 layers from a registry, bytes of layers"
    if not shutil.which("skopeo") or not shutil.which("docker-registry"):
        yield Row(name, "skopeo or docker-registry is not here", "", None)
        return
    whole = Spec(stack("bench", range(_LAYERS)), compression="gzip", tags=("registry.example/bench:1",))
    layout = oci_layout(whole).write(folder / "whole.tar")
    gone: dict[int | str, None] = dict.fromkeys(range(_GONE))
    spec = Spec(whole.layers, names="colon", stored=gone, entry={"Layers": lambda names: names[_GONE:]})
    broken = docker_archive(spec).write(folder / "trimmed.tar")
    with run_registry() as registry:
        target = f"docker://{registry.address}/bench/app:1"
        run(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci-archive:{layout}", target])
        run([*_repair(broken, folder / "out.tar", folder), "--from", target, "--insecure"], codes=[0])
        sizes = {f"sha256:{hashlib.sha256(blob).hexdigest()}": len(blob) for blob in whole.blobs}
        wire, wanted = _sent(registry, set(sizes)), sum(list(sizes.values())[:_GONE])
    yield Row(name, f"{wire:,}", f"exactly {wanted:,}", wire == wanted)
