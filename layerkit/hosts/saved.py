"""A host's own export of an image, taken as it streams by, and once more into a file if its layers are wanted."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ..compression import Compression
from ..digest import CHUNK, Measurement
from ..errors import PassedBy, SourceError
from ..sources.backing import SeekableTar, StreamedTar, Tick
from ..sources.members import Members
from ..sources.tar import End, Member

Save = Callable[[], AbstractContextManager[BinaryIO]]


class SavedTar:
    """What `save` streams. Looking at it needs no disk here; a layer's bytes bring a second pass, into a nameless file.

    The program's failure is raised at the end of its stream.
    """

    outer: Compression = ""
    length: int | None = None

    def __init__(self, save: Save, *, deep: bool, tick: Tick) -> None:
        self._save = save
        self._spool: SeekableTar | None = None
        self._lock = threading.Lock()
        with save() as stream:
            self._seen = StreamedTar(stream, "", deep=deep, tick=tick)
            while stream.read(CHUNK):
                pass
        self.members: Members = self._seen.members
        self.end: End = self._seen.end
        self.fault, self.first = self._seen.fault, self._seen.first

    @contextmanager
    def open(self, member: Member) -> Iterator[BinaryIO]:
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(self._seen.open(member))
            except PassedBy:
                stream = stack.enter_context(self._again().open(member))
            yield stream

    def _again(self) -> SeekableTar:
        with self._lock:
            if self._spool is None:
                with tempfile.TemporaryFile() as file:
                    with self._save() as stream:
                        while data := stream.read(CHUNK):
                            file.write(data)
                    length = file.tell()
                    spool = SeekableTar(cast("BinaryIO", file), length)
                if [(m.name, m.offset, m.size) for m in spool.members.all] != [
                    (m.name, m.offset, m.size) for m in self.members.all
                ]:
                    raise SourceError("the image has changed on its host between two reads", hint="open it again")
                self._spool = spool
            return self._spool

    def span(self, member: Member) -> tuple[Path, int, int] | None:
        return None

    def head(self, member: Member) -> bytes:
        return self._seen.head(member)

    def measure(self, member: Member, tick: Tick = None) -> Measurement:
        try:
            return self._seen.measure(member, tick)
        except PassedBy:
            return self._again().measure(member, tick)
