"""How long the verdict table takes once an archive is diagnosed."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from layerkit.frames import read_frames
from layerkit.loaders import DEFAULT, predict
from tests.images import Spec, docker_archive, hybrid, stack

from .measuring import Row

_ROUNDS = 20


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for name, tar in (
            ("36 layers, docker-archive", docker_archive(Spec(stack("judging", range(36))))),
            ("120 layers, hybrid", hybrid(Spec(stack("judging", range(120))))),
            ("120 gzip layers, hybrid, --deep", hybrid(Spec(stack("judging", range(120)), compression="gzip"))),
        ):
            taken = _judge(tar.write(Path(folder, "archive.tar")), deep="--deep" in name) * 1000
            met = taken < 20
            yield Row(f"verdicts of {len(DEFAULT)} runtimes, {name}", f"{taken:.1f} ms", "under 20 ms", met)


def _judge(path: Path, *, deep: bool) -> float:
    """The median in seconds, each time with nothing kept from the time before."""
    times = []
    for _ in range(_ROUNDS):
        frames = read_frames(path, deep=deep)
        start = time.perf_counter()
        list(predict(frames, DEFAULT))
        times.append(time.perf_counter() - start)
    return statistics.median(times)
