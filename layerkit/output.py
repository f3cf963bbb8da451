"""Other shapes of the finished archive: compressed as a whole, down a pipe, in parts for several sticks."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import BinaryIO, Literal

from .archive import Part, Tick, length, write_stream
from .compression import deflate
from .diagnosis import diagnose
from .errors import UsageError
from .progress import Progress
from .report import Report
from .sources import open_stream
from .store import write_whole

Outer = Literal["", "gzip", "zstd"]

_PARTS = 1000


def write_outer(parts: Sequence[Part], path: Path, outer: Outer, tick: Tick = None) -> None:
    """Write the archive compressed as a whole; compressing runs in a thread of its own, beside the reading."""
    queue: Queue[bytes | None] = Queue(maxsize=16)
    failure: list[BaseException] = []

    def pack() -> None:
        try:
            with path.open("wb") as file:
                for piece in deflate(iter(queue.get, None), outer):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except BaseException as error:
            failure.append(error)
            while queue.get() is not None:
                pass

    thread = threading.Thread(target=pack, name="pack")
    thread.start()
    try:
        write_stream(parts, queue.put, tick)
    finally:
        queue.put(None)
        thread.join()
    if failure:
        raise failure[0]


def write_pipe(parts: Sequence[Part], progress: Progress) -> Report:
    """Write the archive to standard output, and diagnose from a copy of the stream what went down there."""
    reading, writing = os.pipe()
    reports: list[Report] = []

    def look() -> None:
        with os.fdopen(reading, "rb") as copy:
            reports.append(diagnose(open_stream(copy, "standard output")))
            while copy.read(1 << 20):
                pass

    thread = threading.Thread(target=look, name="look")
    thread.start()
    progress.begin("write", length(parts), "writing to standard output")
    try:
        with os.fdopen(writing, "wb", buffering=0) as copy:

            def both(chunk: bytes) -> None:
                sys.stdout.buffer.write(chunk)
                copy.write(chunk)

            write_stream(parts, both, lambda count: progress.advance("write", count))
            sys.stdout.buffer.flush()
    finally:
        thread.join()
        progress.end("write", "")
    return reports[0]


def write_split(whole: Path, output: Path, size: int) -> tuple[Path, ...]:
    """Cut a finished archive into OUTPUT.000, OUTPUT.001 ... and write OUTPUT.sha256 for `sha256sum -c`.

    `cat OUTPUT.[0-9]* | docker load` puts it together again. All parts are renamed at the end, the list last.
    """
    total = whole.stat().st_size
    if size < 1 << 20:
        raise UsageError(f"parts of {size} bytes are too small, expected at least 1 MiB")
    if total > size * _PARTS:
        raise UsageError(f"{total} bytes make more than {_PARTS} parts of {size}")
    made: list[tuple[Path, Path]] = []
    lines = []
    try:
        with whole.open("rb") as file:
            for number in range(-(-total // size)):
                path = output.with_name(f"{output.name}.{number:03d}")
                part = output.with_name(f".{path.name}.part")
                made.append((part, path))
                lines.append(f"{_cut(file, part, size)}  {path.name}\n")
        for part, path in made:
            os.replace(part, path)
        write_whole(output.with_name(f"{output.name}.sha256"), "".join(lines).encode())
    finally:
        for part, _ in made:
            with suppress(FileNotFoundError):
                part.unlink()
    return tuple(path for _, path in made)


def _cut(file: BinaryIO, part: Path, size: int) -> str:
    hasher, left = hashlib.sha256(), size
    with part.open("wb") as out:
        while left and (chunk := file.read(min(left, 1 << 20))):
            left -= len(chunk)
            hasher.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return hasher.hexdigest()
