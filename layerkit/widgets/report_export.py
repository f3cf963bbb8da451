"""Writing a report down from a panel: beside the archive, and as a link for a browser on another machine."""

from __future__ import annotations

import base64
from pathlib import Path

import ipywidgets as ipw

from ..report import FORMATS, Report
from .theme import LABEL, markup, note, text

SUFFIXES = {"text": ".txt", "junit": ".xml"}
_TYPES = {"html": "text/html", "json": "application/json", "junit": "text/xml", "sarif": "application/json"}


class ReportExport(ipw.VBox):
    """One button: writes `NAME.report.SUFFIX`, says where, and offers the same bytes as a download."""

    def __init__(self) -> None:
        self.format = ipw.Dropdown(
            options=list(FORMATS),
            value="html" if "html" in FORMATS else None,
            description="Format",
            style=LABEL,
            layout=ipw.Layout(width="240px"),
        )
        self.button = ipw.Button(description="Write report", tooltip="Write the report beside the archive")
        self.button.on_click(lambda _: self.write())
        self.outcome = markup("", "lkp-export")
        self._report: Report | None = None
        self._beside = Path()
        row = ipw.HBox([self.format, self.button])
        row.add_class("lkp-wrap")
        super().__init__([row, self.outcome])

    def show(self, report: Report, beside: Path) -> None:
        """`beside` is the path of the archive, or what it would be."""
        self._report, self._beside = report, beside
        self.outcome.value = ""

    def write(self) -> Path | None:
        """Write the chosen format; None where the folder does not let us, and then there is the link."""
        if self._report is None:
            return None
        kind = str(self.format.value)
        path = self._beside.parent / f"{self._beside.name}.report{SUFFIXES.get(kind, '.' + kind)}"
        content = self._report.render(kind)
        link = _link(path.name, kind, content)
        try:
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            self.outcome.value = note(f"{path} cannot be written: {error.strerror}.", "take the link instead") + link
            return None
        self.outcome.value = f"✓ Written to <code>{text(str(path.absolute()), 1000)}</code> {link}"
        return path


def _link(name: str, kind: str, content: str) -> str:
    data = base64.b64encode(content.encode()).decode()
    href = f"data:{_TYPES.get(kind, 'text/plain')};charset=utf-8;base64,{data}"
    return f'<a download="{text(name)}" href="{href}">Download</a>'
