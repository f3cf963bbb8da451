"""How fast an archive is diagnosed, and in how much memory."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from . import material
from .measuring import Row, median, pair, python, ratio, run

LAYERKIT = [str(Path(sys.executable).with_name("layerkit"))]


def rows() -> Iterator[Row]:
    run(python("-m", "benchmarks.material", "gzip_archive"))
    yield from _structural()
    yield from _deep()
    yield from _start()


def _structural() -> Iterator[Row]:
    small, large = material.sparse_archive(10_000_000), material.sparse_archive(10_000_000_000)
    a, b = pair([*LAYERKIT, "diagnose", str(large)], [*LAYERKIT, "diagnose", str(small)])
    yield Row("structural diagnosis, 10 GB beside 10 MB", f"{ratio(a, b):.2f}x", "at most 2x", ratio(a, b) <= 2)
    from layerkit import diagnose

    diagnose(small)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        diagnose(small)
        times.append(time.perf_counter() - start)
    warm = statistics.median(times) * 1000
    yield Row("structural diagnosis of 36 layers, warm process", f"{warm:.1f} ms", "under 50 ms", warm < 50)


def _deep() -> Iterator[Row]:
    archive = material.gzip_archive()
    deep = [*LAYERKIT, "diagnose", "--deep", "--progress", "none", str(archive)]
    ours, bare = pair(deep, python("-m", "benchmarks.bare", str(archive)))
    figure = f"{ratio(ours, bare):.2f}x of {median(bare):.2f} s"
    yield Row("--deep, 36 gzip layers, beside bare isal + sha256", figure, "at most 1.25x", ratio(ours, bare) <= 1.25)
    if shutil.which("skopeo"):
        with tempfile.TemporaryDirectory(dir=material.folder()) as folder:
            theirs = ["sh", "-c", f"rm -rf {folder}/out && skopeo copy -q docker-archive:{archive} dir:{folder}/out"]
            ours, skopeo = pair(deep, theirs, rounds=3)
        times = 1 / ratio(ours, skopeo)
        yield Row("--deep beside skopeo copy docker-archive: dir:", f"{times:.1f}x faster", "at least 5x", times >= 5)
    imports = run(
        python("-c", "import layerkit.cli, layerkit.diagnosis, layerkit.report, isal.igzip_lib, concurrent.futures")
    )
    over = run(deep).peak - imports.peak
    yield Row("--deep, peak memory over the imports", f"{over:.0f} MB", "at most 100 MB", over <= 100)


def _start() -> Iterator[Row]:
    runs = [run([*LAYERKIT, "--help"]) for _ in range(7)]
    yield Row("layerkit --help", f"{median(runs):.2f} s", "under 0.3 s", median(runs) < 0.3)
