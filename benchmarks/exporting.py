"""How fast an export from a real registry on loopback is, what it moves, and in how much memory."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from layerkit.alignment import Alignment
from layerkit.decision import decide
from layerkit.digest import chain_ids
from layerkit.frames import read_frames
from layerkit.inventory import Inventory
from tests.services import Registry, run_registry

from . import material
from .measuring import Row, Run, fresh, median, pair, python, ratio, run

ROOM, MORE = 1500 << 20, 3 << 30
"""Bytes of memory for what is written: a store and an archive; the same and what another program or run writes."""

LAYERKIT = [str(Path(sys.executable).with_name("layerkit"))]


def rows() -> Iterator[Row]:
    run(python("-m", "benchmarks.material", "versions", "large_layout"))
    yield from _planning()
    if not shutil.which("skopeo") or not shutil.which("docker-registry"):
        yield Row("exports from a registry", "skopeo or docker-registry is not here", "", None)
        return
    with run_registry() as registry, tempfile.TemporaryDirectory(dir=material.folder()) as name:
        folder = Path(name)
        for tag, layout in material.versions().items():
            run(
                [
                    "skopeo",
                    "copy",
                    "-q",
                    "--dest-tls-verify=false",
                    f"oci:{layout}",
                    f"docker://{registry.address}/bench/app:{tag}",
                ]
            )
        yield from _cold(registry, folder)
        yield from _warm(registry, folder)
        yield from _memory(registry, folder)


def _export(registry: Registry, folder: Path, tag: str, store: str) -> list[str]:
    image = f"docker://{registry.address}/bench/app:{tag}"
    return [
        *LAYERKIT,
        "export",
        image,
        "-o",
        str(folder / f"{tag}.tar"),
        "--store",
        str(folder / store),
        "--progress",
        "none",
    ]


def _cold(registry: Registry, folder: Path) -> Iterator[Row]:
    ours, left = _export(registry, folder, "1", "cold"), [folder / "cold", folder / "1.tar"]
    bare = python("-m", "benchmarks.bare_fetch", registry.address, "bench/app", "1")
    a, b = pair(ours, bare, left=(left, ()), room=ROOM)
    figure = f"{ratio(a, b):.2f}x of {median(b):.2f} s"
    yield Row(
        "cold export, verified, beside bare requests + isal + sha256", figure, "at most 1.25x", ratio(a, b) <= 1.25
    )
    image = f"docker://{registry.address}/bench/app:1"
    skopeo = ["skopeo", "copy", "-q", "--src-tls-verify=false", image, f"docker-archive:{folder}/skopeo.tar:bench:1"]
    a, b = pair(ours, skopeo, rounds=3, left=(left, [folder / "skopeo.tar"]), room=MORE)
    times = 1 / ratio(a, b)
    yield Row("cold export beside skopeo copy to docker-archive", f"{times:.1f}x faster", "at least 3.5x", times >= 3.5)
    crane = os.environ.get("CRANE") or shutil.which("crane")
    if crane is None:
        yield Row("cold export beside crane pull + crane validate", "crane is not here", "at least 8x", None)
        return
    pull = f"{crane} pull --insecure {registry.address}/bench/app:1 {folder}/crane.tar"
    pull += f" && {crane} validate --tarball {folder}/crane.tar"
    a, b = pair(ours, ["sh", "-c", pull], rounds=3, left=(left, [folder / "crane.tar"]), room=MORE)
    times = 1 / ratio(a, b)
    yield Row("cold export beside crane pull + crane validate", f"{times:.1f}x faster", "at least 8x", times >= 8)


def _warm(registry: Registry, folder: Path) -> Iterator[Row]:
    cold, second = _export(registry, folder, "1", "warm"), _export(registry, folder, "2", "warm")
    layers = read_frames(f"docker://{registry.address}/bench/app:2").alignments[0].manifest.layers
    digests, two = {str(blob.digest) for blob in layers}, sum(blob.size or 0 for blob in layers[-2:])
    times: list[tuple[Run, Run]] = []
    wire = 0
    for _ in range(3):
        first = fresh(cold, [folder / name for name in ("warm", "1.tar", "2.tar")], MORE)
        before = _sent(registry, digests)
        again = fresh(second, [], MORE)
        wire = _sent(registry, digests) - before
        times.append((again, first))
    part = sorted(a.wall / b.wall for a, b in times)[1]
    yield Row("second version, 34 of 36 layers shared, beside the first", f"{part:.2f}x", "at most 0.25x", part <= 0.25)
    yield Row("second version, bytes of layers over the wire", f"{wire:,}", f"exactly {two:,}", wire == two)


def _sent(registry: Registry, digests: set[str]) -> int:
    """Bytes of these blobs that the registry has served, by its own log."""
    total = 0
    for line in registry.requests():
        if found := re.search(r'"GET \S+/blobs/(\S+) HTTP/[\d.]+" 20\d (\d+)', line):
            total += int(found[2]) if found[1] in digests else 0
    return total


def _memory(registry: Registry, folder: Path) -> Iterator[Row]:
    layout = material.large_layout()
    run(
        [
            "skopeo",
            "copy",
            "-q",
            "--dest-tls-verify=false",
            f"oci:{layout}",
            f"docker://{registry.address}/bench/app:large",
        ]
    )
    peak = run(_export(registry, folder, "large", "large")).peak
    yield Row("export of a 4 GB image, peak memory", f"{peak:.0f} MB", "under 200 MB", peak < 200)


def _planning() -> Iterator[Row]:
    alignment = read_frames(material.sparse_archive(10_000_000)).alignments[0]
    known = [_measured(alignment) for _ in range(50)]
    chains = list(chain_ids(alignment.config.diff_ids))
    targets = [
        Inventory(f"site {n}", "docker", store="classic", chain_ids=frozenset(chains[: 10 + n])) for n in range(20)
    ]
    start = time.perf_counter()
    decide(known, targets)
    taken = time.perf_counter() - start
    yield Row("a plan for 50 images of 36 layers x 20 targets", f"{taken:.2f} s", "under 1 s", taken < 1)


def _measured(alignment: Alignment) -> Alignment:
    """As if every layer had been read: what a plan wants of a file source."""
    from dataclasses import replace

    from layerkit.digest import Digest, Measurement

    rows = tuple(
        replace(row, measured=Measurement(Digest(str(row.diff_id)), 1000, Digest(str(row.diff_id)), 1000, ""))
        for row in alignment.layers
    )
    return replace(alignment, layers=rows)
