"""Why does this archive not load? The panel of notebook 01."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as ipw

from ..diagnosis import diagnose
from ..errors import Cancelled, LayerkitError
from ..report import Report
from .archive_picker import ArchivePicker
from .layer_table import LayerTable
from .progress_bar import ProgressBar
from .report_export import ReportExport
from .runtimes import Runtimes
from .theme import STYLE, markup, note

_log = logging.getLogger(__name__)


class Investigator(ipw.VBox):
    """Pick an archive, press Diagnose, read what is wrong with it and why.

    Parameters
    ----------
    path
        What to start with, as `layerkit.diagnose` takes it. Its headers are read when the panel is shown.
    deep
        Whether the box "Read every byte" is ticked at first; then nothing is read before the button is pressed or
        `report` is asked for.
    loaders
        Runtimes that are ticked at first, `NAME` or `NAME@VERSION`.

    Where widgets are not shown (nbconvert, GitHub, a mail), the panel is its report as static HTML.

    Examples
    --------
    >>> panel = Investigator("data/sound-docker.tar")
    >>> panel.report.outcome
    'sound'
    """

    def __init__(self, path: str | Path = "", *, deep: bool = False, loaders: Sequence[str] = ()) -> None:
        self.picker = ArchivePicker(str(path))
        self.deep = ipw.Checkbox(
            value=deep,
            description="Read every byte (checks digests and diff IDs)",
            indent=False,
            layout=ipw.Layout(width="auto"),
        )
        self.runtimes = Runtimes(loaders)
        self.loaders = self.runtimes.boxes
        self.button = ipw.Button(description="Diagnose", button_style="primary")
        self.button.on_click(lambda _: self.start())
        self.progress = ProgressBar()
        self.problem = markup("")
        self.result = markup("", "lkp-result")
        self.layers = LayerTable()
        self.export = ReportExport()
        self._report: Report | None = None
        self._thread: threading.Thread | None = None
        self._busy = threading.Lock()
        self._found = ipw.VBox(
            [
                self.result,
                markup('<div class="lkp-title">Layers</div>'),
                self.layers,
                markup('<div class="lkp-title">Keep the report</div>'),
                self.export,
            ]
        )
        self._found.layout.display = "none"
        super().__init__([markup(STYLE), self._controls(), self.problem, self._found])
        self.add_class("lkp-panel")

    def _controls(self) -> ipw.VBox:
        options = _row("lkp-indent", self.deep)
        action = _row("lkp-indent", self.button, self.progress)
        card = ipw.VBox([self.picker, options, self.runtimes, action])
        card.add_class("lkp-card")
        return card

    @property
    def report(self) -> Report | None:
        """The last diagnosis. Where a path is given and none was made yet, it is made now."""
        if self._report is None and self._thread is None and self.picker.target:
            self.run()
        return self._report

    @property
    def wanted(self) -> tuple[str, ...]:
        """The runtimes that are ticked, as `diagnose` takes them; none means the usual ones."""
        return self.runtimes.wanted

    def start(self) -> None:
        """Diagnose in a thread of its own: the notebook stays usable, and Cancel works."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self.run, name="investigate", daemon=True)
            self._thread.start()

    def wait(self, timeout: float | None = None) -> Report | None:
        """Wait for what `start` began, at most `timeout` seconds, and return the last report."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._report

    def run(self) -> Report | None:
        """Diagnose here and now and show the result; what could not be looked at is told in the panel, not raised."""
        if not self._busy.acquire(blocking=False):
            return None
        try:
            self._begin()
            report = self._diagnose()
            if report is not None:
                self._show(report)
            return report
        finally:
            self._freeze(False)
            self.progress.hide()
            self._busy.release()

    def _begin(self) -> None:
        self._report = None
        self._found.layout.display = "none"
        self.problem.value = ""
        self._freeze(True)
        self.progress.start()

    def _diagnose(self) -> Report | None:
        target = self.picker.target
        if not target:
            self.problem.value = note("No archive is chosen.", "type a path, choose a sample, or upload a file")
            return None
        try:
            report = diagnose(target, deep=self.deep.value, loaders=self.wanted, progress=self.progress)
        except Cancelled:
            self.problem.value = '<div class="lkp-muted" role="status">Stopped. Press Diagnose to start again.</div>'
        except LayerkitError as error:
            self.problem.value = note(f"{error}.".replace("..", "."), error.hint)
        except Exception as error:
            # The reader of a notebook can do nothing with our traceback; whoever hunts the fault finds it in the log.
            _log.debug("diagnosis of %s failed", target, exc_info=True)
            self.problem.value = note(
                f"The diagnosis failed: {type(error).__name__}: {error}",
                "this is a fault of layerkit; `layerkit diagnose` in a terminal tells more",
            )
        else:
            return replace(report, subject=self.picker.subject)
        return None

    def _show(self, report: Report) -> None:
        self._report = report
        self.result.value = report._repr_html_()
        self.layers.show(report.frames)
        self.export.show(report, self.picker.folder / Path(self.picker.target).name)
        self._found.layout.display = ""

    def _freeze(self, frozen: bool) -> None:
        self.picker.freeze(frozen)
        for control in (self.button, self.deep, *self.loaders.values()):
            control.disabled = frozen

    def __repr__(self) -> str:
        return f"Investigator({self.picker.target!r})"

    def _repr_html_(self) -> str:
        """The static twin, for where widgets are not shown."""
        report = self._report if self.deep.value else self.report
        if report is not None:
            return report._repr_html_()
        return self.problem.value or "<p>Nothing was read yet: press Diagnose, or ask for <code>report</code>.</p>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        html = self._repr_html_()  # first, so that the panel comes up with its result
        return {**super()._repr_mimebundle_(**kwargs), "text/html": html}


def _row(name: str, *controls: ipw.Widget) -> ipw.HBox:
    row = ipw.HBox(list(controls))
    row.add_class("lkp-wrap")
    row.add_class(name)
    return row
