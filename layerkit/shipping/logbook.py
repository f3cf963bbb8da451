"""The ship log: what went where, when, and whether it arrived. JSON lines, one file per site, only ever added to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..document import Document
from ..errors import SourceError
from ..text import printable, size_text
from .outcome import COLUMNS, Delivery

if TYPE_CHECKING:
    import pandas as pd

_LINE = 1 << 20


def log_folder(folder: str | Path | None = None) -> Path:
    """Where the log is: `folder`, LAYERKIT_LOG, or the platform's state folder."""
    if folder is None:
        folder = os.environ.get("LAYERKIT_LOG") or None
    if folder is not None:
        return Path(folder)
    from platformdirs import user_state_path

    return user_state_path("layerkit") / "shipments"


def note(delivery: Delivery, folder: str | Path | None = None) -> Path:
    """Add one delivery to its site's file, in one write: several processes may do so at once."""
    path = _path(log_folder(folder), delivery.host)
    line = json.dumps(delivery.to_dict(), ensure_ascii=False).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)
    except OSError as error:
        raise SourceError(f"the ship log {path} cannot be written: {error.strerror}", hint="--log DIR") from error
    return path


@dataclass(frozen=True)
class Logbook:
    """What the log says, the oldest first. `damaged` counts lines that could not be read."""

    entries: tuple[dict[str, Any], ...] = field(repr=False)
    damaged: int = 0

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per delivery: when, host, images, verdict, via, bytes, whole, seconds, message. Sizes are bytes."""
        import pandas as pd

        columns = ["when", "images", *COLUMNS]
        rows = [
            {**{name: entry.get(name) for name in columns}, "images": " ".join(_images(entry))}
            for entry in self.entries
        ]
        frame = pd.DataFrame(rows, columns=columns)
        frame["when"] = pd.to_datetime(frame["when"], errors="coerce", utc=True)
        return frame

    def to_text(self) -> str:
        """For a terminal of 80 columns, the newest last."""
        lines = []
        for entry in self.entries:
            names = ", ".join(_images(entry))
            size = entry.get("bytes")
            sent = size_text(size) if isinstance(size, int) else "?"
            when, host, verdict = (printable(str(entry.get(key, "")), 60) for key in ("when", "host", "verdict"))
            lines.append(f"{when[:16].replace('T', ' ')}  {host}  {verdict}  {printable(names, 60)}  {sent}")
            if entry.get("message"):
                lines.append(f"  {printable(str(entry['message']), 300)}")
        lines.append(f"{len(self.entries)} deliveries" + (f", {self.damaged} lines unreadable" if self.damaged else ""))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return str(self.frame.to_html(index=False))


def read_log(sites: Sequence[str] = (), folder: str | Path | None = None) -> Logbook:
    """Read the log of these sites, or of all."""
    entries, damaged = [], 0
    for path in _files(log_folder(folder), sites):
        with path.open("rb") as file:
            while line := file.readline(_LINE):
                document = Document.parse(line)
                if document.fault or not isinstance(document.value, dict):
                    damaged += 1
                else:
                    entries.append(document.value)
    entries.sort(key=lambda entry: str(entry.get("when", "")))
    return Logbook(tuple(entries), damaged)


def _files(folder: Path, sites: Sequence[str]) -> Iterator[Path]:
    try:
        found = sorted(folder.glob("*.jsonl")) if not sites else [_path(folder, site) for site in sites]
        yield from (path for path in found if path.is_file())
    except OSError as error:
        raise SourceError(f"the ship log in {folder} cannot be read: {error.strerror}") from error


def _path(folder: Path, site: str) -> Path:
    """A site's file; a name that is no file name is spelled as one."""
    return folder / f"{quote(site.removeprefix('ssh://'), safe='@-_')[:200] or 'host'}.jsonl"


def _images(entry: dict[str, Any]) -> list[str]:
    images = entry.get("images")
    return [str(name) for name in images] if isinstance(images, dict) else []
