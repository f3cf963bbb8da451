"""Choosing an archive: by path, from the samples, or by uploading a small one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ipywidgets as ipw

from ..errors import NotFound
from ..report.words import size
from ..samples import samples
from .theme import LABEL, WIDE, markup, note, text

UPLOAD_LIMIT = 9 << 20
"""Bytes. A Jupyter server drops websocket messages over 10 MiB (tornado, websocket.py, `_default_max_message_size`),
and says nothing to anybody."""

_ARCHIVES = (".tar", ".tgz", ".tzst", ".oci", ".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2")
_SCANNED = 2_000
_OFFERED = 40


class ArchivePicker(ipw.VBox):
    """`target` is what `diagnose` takes; `subject` what to call it."""

    def __init__(self, path: str = "") -> None:
        self.path = ipw.Combobox(
            value=path,
            description="Archive",
            placeholder="path of an archive or an OCI layout folder; suggestions appear as you type",
            continuous_update=True,
            style=LABEL,
            layout=WIDE,
        )
        self.sample = ipw.Dropdown(
            options=[("choose one …", ""), *_sample_options()],
            description="Sample",
            style=LABEL,
            layout=ipw.Layout(flex="1 1 0", width="auto"),
        )
        self.upload = ipw.FileUpload(
            icon="",  # a glyph would be read aloud as a part of the name
            tooltip=f"At most {size(UPLOAD_LIMIT)}. A larger one: put it beside the notebook and type its path.",
            layout=ipw.Layout(width="auto"),
        )
        self.note = markup("", "lkp-note")
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._uploaded = ("", "")
        self.path.observe(lambda _: self._typed(), "value")
        self.sample.observe(lambda change: self._sampled(change["new"]), "value")
        self.upload.observe(lambda change: self._received(change["new"]), "value")
        row = ipw.HBox([self.sample, self.upload])
        row.add_class("lkp-pick")
        super().__init__([self.path, row, self.note])
        self._typed()

    @property
    def target(self) -> str:
        value = str(self.path.value).strip()
        return os.path.expanduser(value) if value.startswith("~") else value

    @property
    def subject(self) -> str:
        """The name it was uploaded under, else the target."""
        path, name = self._uploaded
        return name if path == self.target and name else self.target

    @property
    def folder(self) -> Path:
        """Where a file about this archive belongs: beside it, or here where it has no place of its own."""
        path = Path(self.target)
        here = self._uploaded[0] == self.target or not path.exists()
        return Path.cwd() if here else path.parent

    def freeze(self, frozen: bool) -> None:
        """While an archive is read, another cannot be chosen."""
        for control in (self.path, self.sample, self.upload):
            control.disabled = frozen

    def _typed(self) -> None:
        self.path.options = tuple(complete(self.path.value))
        if self.path.value != self.sample.value:
            chosen = {value for _, value in self.sample.options}
            self.sample.value = self.path.value if self.path.value in chosen else ""
        if self.target != self._uploaded[0]:
            self.note.value = ""

    def _sampled(self, path: str) -> None:
        if path:
            self.path.value = path

    def _received(self, files: tuple[dict[str, Any], ...]) -> None:
        """Keep the bytes in a folder of our own; the name they came under is shown and never used as a path."""
        if not files:
            return
        content, name = files[0]["content"], str(files[0]["name"])
        if len(content) > UPLOAD_LIMIT:
            much = size(len(content))
            self.note.value = note(
                f"{name} has {much}, more than an upload may have.", "put it beside the notebook and type its path"
            )
            return
        if self._folder is not None:
            self._folder.cleanup()
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="layerkit-")
            path = Path(self._folder.name, "upload")
            path.write_bytes(content)
        except OSError as error:
            self.note.value = note(f"{name} cannot be kept here: {error.strerror}.", "type the path of a file instead")
            return
        self._uploaded = (str(path), name)
        self.path.value = str(path)
        self.note.value = text(f"{name}, {size(len(content))}, uploaded for as long as this panel lives.")


def complete(typed: str) -> Iterator[str]:
    """Paths that begin with what was typed, archives before folders before the rest; bounded, never an error."""
    folder, prefix = os.path.split(typed)
    found = []
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            for entry in islice(entries, _SCANNED):
                hidden = entry.name.startswith(".") and not prefix.startswith(".")
                # Names that are not text (surrogates) cannot be sent to a browser.
                if entry.name.startswith(prefix) and not hidden and entry.name.isprintable():
                    is_dir = entry.is_dir()
                    rank = 0 if entry.name.endswith(_ARCHIVES) else 1 if is_dir else 2
                    found.append((rank, os.path.join(folder, entry.name) + ("/" if is_dir else "")))
    except (OSError, ValueError):
        return
    yield from (path for _, path in sorted(found)[:_OFFERED])


def _sample_options() -> list[tuple[str, str]]:
    try:
        return [(f"{sample.name} · {sample.description}", str(sample.path)) for sample in samples()]
    except NotFound:
        return []
