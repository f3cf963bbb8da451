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
        ):
            taken = _judge(tar.write(Path(folder, "archive.tar"))) * 1000
            met = taken < 20
            yield Row(f"verdicts of {len(DEFAULT)} runtimes, {name}", f"{taken:.1f} ms", "under 20 ms", met)


def _judge(path: Path) -> float:
    """The median in seconds of the processor, each time with nothing kept from the time before.

    One thread and hardly a read: on a machine that does nothing else the clock shows the same.
    """
    times = []
    for _ in range(_ROUNDS):
        frames = read_frames(path)
        start = time.process_time()
        list(predict(frames, DEFAULT))
        times.append(time.process_time() - start)
    return statistics.median(times)
