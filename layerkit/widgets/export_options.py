"""The choices that most exports leave alone: how to get at registries, how the archive is packed."""

from __future__ import annotations

import os
from pathlib import Path

import ipywidgets as ipw

from ..plan import size_text
from ..sources.access import Access
from ..sources.credentials import default_files
from .theme import LABEL, markup

_FILE = "\0"
_SPLITS = (1_000_000_000, 4_000_000_000, 4_700_000_000, 16_000_000_000)
_FORMS = (
    ("universal: loads everywhere", "universal"),
    ("docker: manifest.json alone", "docker"),
    ("oci: index.json alone", "oci"),
)
_LAYERS = (
    ("auto: kept unless the target needs them plain", "auto"),
    ("kept as the source has them", "keep"),
    ("plain", "plain"),
    ("gzip", "gzip"),
    ("zstd", "zstd"),
)
_OUTER = (("not compressed", ""), ("gzip", "gzip"), ("zstd", "zstd"))


class Credentials(ipw.HBox):
    """Whose credentials are used, by the name of a file. A password is never asked for, so no notebook can keep one.

    `docker login`, `podman login` and credential helpers put it where it belongs.
    """

    def __init__(self, authfile: str = "") -> None:
        files = [str(path) for path in default_files(os.environ) if path.is_file()]
        self.source = ipw.Dropdown(
            options=[
                ("as docker and podman keep them", ""),
                *((f"only {path}", path) for path in files),
                ("a file …", _FILE),
            ],
            value=authfile if authfile in ("", *files) else _FILE,
            description="Credentials",
            style=LABEL,
            layout=ipw.Layout(flex="0 1 370px", width="auto"),
        )
        self.file = ipw.Text(
            value=authfile if self.source.value == _FILE else "",
            description="Credentials file",
            placeholder="path of a config.json or auth.json",
            style={"description_width": "0px"},
            layout=ipw.Layout(flex="1 1 240px", width="auto"),
        )
        self.file.add_class("lkp-follow")
        self.source.observe(lambda _: self._chosen(), "value")
        super().__init__([self.source, self.file])
        self.add_class("lkp-wrap")
        self._chosen()

    @property
    def authfile(self) -> str:
        return str(self.file.value).strip() if self.source.value == _FILE else str(self.source.value)

    def _chosen(self) -> None:
        self.file.layout.display = "" if self.source.value == _FILE else "none"


class ExportOptions(ipw.VBox):
    """Folded away behind a button."""

    def __init__(
        self,
        *,
        form: str = "universal",
        layers: str = "auto",
        outer: str = "",
        split: int = 0,
        store: str | Path = "",
        deep: bool = True,
        access: Access | None = None,
    ) -> None:
        access = access or Access()
        sizes = sorted({*_SPLITS, *([split] if split else [])})
        self.button = ipw.ToggleButton(description="▸ Advanced", tooltip="Form, packing, parts, store, certificates")
        self.form = _choice("Form", _FORMS, form)
        self.layers = _choice("Layers", _LAYERS, layers)
        self.outer = _choice("Whole file", _OUTER, outer)
        self.split = _choice("Parts", (("one file", 0), *((f"of {size_text(size)}", size) for size in sizes)), split)
        self.store = _line(
            "Store", str(store), "where blobs are kept between exports; empty: this machine's cache folder"
        )
        self.ca = _line("CA", access.get("ca", ""), "PEM file of your own certificate authority")
        self.mirrors = _line("Mirrors", " ".join(access.get("mirrors", ())), "hosts to try first, separated by blanks")
        self.insecure = _box("Allow unknown certificates and plain HTTP", access.get("insecure", False))
        self.deep = _box("Read every byte of the written archive back", deep)
        pairs = [(self.form, self.layers), (self.outer, self.split), (self.ca, self.mirrors), (self.store,)]
        boxes = _row(self.deep, self.insecure)
        boxes.add_class("lkp-indent")
        self.fold = ipw.VBox([*(_row(*pair) for pair in pairs), boxes])
        self.fold.layout.display = "none"
        self.button.observe(lambda change: self._open(change["new"]), "value")
        heading = _row(self.button, markup("", "lkp-muted"))
        heading.add_class("lkp-indent")
        super().__init__([heading, self.fold])
        self.add_class("lkp-advanced")

    @property
    def access(self) -> Access:
        """How registries may be reached; what was left empty is left out."""
        found = Access()
        if self.insecure.value:
            found["insecure"] = True
        if ca := str(self.ca.value).strip():
            found["ca"] = ca
        if mirrors := str(self.mirrors.value).replace(",", " ").split():
            found["mirrors"] = mirrors
        return found

    @property
    def controls(self) -> tuple[ipw.ValueWidget, ...]:
        return (
            self.form,
            self.layers,
            self.outer,
            self.split,
            self.store,
            self.ca,
            self.mirrors,
            self.insecure,
            self.deep,
        )

    def _open(self, opened: bool) -> None:
        self.button.description = "▾ Advanced" if opened else "▸ Advanced"
        self.fold.layout.display = "" if opened else "none"


def _choice(name: str, options: tuple[tuple[str, object], ...], value: object) -> ipw.Dropdown:
    layout = ipw.Layout(flex="1 1 300px", width="auto")
    return ipw.Dropdown(options=options, value=value, description=name, style=LABEL, layout=layout)


def _line(name: str, value: str, placeholder: str) -> ipw.Text:
    layout = ipw.Layout(flex="1 1 300px", width="auto")
    return ipw.Text(value=value, placeholder=placeholder, description=name, style=LABEL, layout=layout)


def _box(name: str, value: bool) -> ipw.Checkbox:
    return ipw.Checkbox(value=value, description=name, indent=False, layout=ipw.Layout(width="auto"))


def _row(*controls: ipw.Widget) -> ipw.HBox:
    row = ipw.HBox(list(controls))
    row.add_class("lkp-wrap")
    return row
