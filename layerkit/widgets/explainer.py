"""What does this error mean? A box to paste it into."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as ipw

from ..errors import Cancelled, LayerkitError
from ..explanation import Explanation, explain
from .archive_picker import ArchivePicker
from .progress_bar import ProgressBar
from .theme import LABEL, STYLE, WIDE, markup, note


class Explainer(ipw.VBox):
    """Paste an error or a whole log, press Explain; with an archive it says which of the causes it is.

    Parameters
    ----------
    text
        What to start with; it is explained when the panel is shown.
    archive
        What the text was said about, as `layerkit.explain` takes it; may be left empty.

    Where widgets are not shown (nbconvert, GitHub, a mail), the panel is its explanation as static HTML.

    Examples
    --------
    >>> panel = Explainer("length mismatch: expected 25, got 36")
    >>> panel.explanation.readings[0].id
    'docker.length-mismatch-excerpt'
    """

    def __init__(self, text: str = "", archive: str | Path = "") -> None:
        self.text = ipw.Textarea(
            value=text,
            description="Error",
            placeholder="paste the line, or everything around it",
            rows=4,
            style=LABEL,
            layout=WIDE,
        )
        self.picker = ArchivePicker(str(archive))
        self.picker.path.placeholder = "the archive it was said about, if it is at hand"
        self.button = ipw.Button(description="Explain", button_style="primary")
        self.button.on_click(lambda _: self.start())
        self.progress = ProgressBar()
        self.problem = markup("")
        self.result = markup("", "lkp-explained")
        self._explanation: Explanation | None = None
        self._thread: threading.Thread | None = None
        action = ipw.HBox([self.button, self.progress])
        action.add_class("lkp-wrap")
        action.add_class("lkp-indent")
        card = ipw.VBox([self.text, self.picker, action])
        card.add_class("lkp-card")
        super().__init__([markup(STYLE), card, self.problem, self.result])
        self.add_class("lkp-panel")
        self.add_class("lkp-explainer")

    @property
    def explanation(self) -> Explanation | None:
        """The last explanation. Where a text is given and none was made yet, it is made now."""
        if self._explanation is None and self._thread is None and self.text.value.strip():
            self.run()
        return self._explanation

    def start(self) -> None:
        """Explain in a thread of its own: reading an archive takes time, and Cancel works."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self.run, name="explain", daemon=True)
            self._thread.start()

    def wait(self, timeout: float | None = None) -> Explanation | None:
        """Wait for what `start` began, at most `timeout` seconds, and return the last explanation."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._explanation

    def run(self) -> Explanation | None:
        """Explain here and now and show it; what could not be looked at is told in the panel, not raised."""
        self._explanation, self.problem.value, self.result.value = None, "", ""
        if not self.text.value.strip():
            self.problem.value = note("There is no text to explain.", "paste the error into the box")
            return None
        self._freeze(True)
        self.progress.start()
        try:
            told = explain(self.text.value, archive=self.picker.target or None, progress=self.progress)
        except Cancelled:
            self.problem.value = '<div class="lkp-muted" role="status">Stopped. Press Explain to start again.</div>'
        except LayerkitError as error:
            self.problem.value = note(f"{error}.".replace("..", "."), error.hint)
        else:
            if told.report is not None:  # an upload is called by its own name
                told = replace(told, report=replace(told.report, subject=self.picker.subject))
            self._explanation, self.result.value = told, told._repr_html_()
        finally:
            self._freeze(False)
            self.progress.hide()
        return self._explanation

    def _freeze(self, frozen: bool) -> None:
        self.picker.freeze(frozen)
        for control in (self.text, self.button):
            control.disabled = frozen

    def __repr__(self) -> str:
        return f"Explainer({self.text.value[:80]!r})"

    def _repr_html_(self) -> str:
        """The static twin, for where widgets are not shown."""
        told = self.explanation
        return told._repr_html_() if told else self.problem.value or "<p>Nothing was explained yet.</p>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        html = self._repr_html_()  # first, so that the panel comes up with its result
        return {**super()._repr_mimebundle_(**kwargs), "text/html": html}
