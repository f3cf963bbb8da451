"""Many archives, one answer: do they load, all of them? The panel of notebook 03."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from ..errors import IntegrityError, LayerkitError, SourceError, UsageError
from ..inventory import Inventory
from ..report import FORMATS, Failure, Report, Reports
from ..report.verdict_table import verdict_frame, verdicts_html
from ..survey import diagnose_all
from ..text import printable
from .archive_picker import ArchivePicker, complete
from .progress_bar import ProgressOfMany
from .report_export import SUFFIXES
from .runtimes import Runtimes
from .theme import LABEL, STYLE, WIDE, markup, note, text
from .worker import Worker

if TYPE_CHECKING:
    import pandas as pd


class Verifier(ipw.VBox):
    """Diagnose archives before somebody loads them, and say no where one would not load.

    Parameters
    ----------
    archives
        Paths, folders, patterns, or whatever else `layerkit.diagnose` takes; empty: the samples that are sound.
    held
        What the target holds: an inventory, a path to one, or an archive that it has loaded.
    deep
        Read every byte. Without it, headers and JSON only.
    loaders
        Runtimes that must load them, `NAME` or `NAME@VERSION`; empty: the usual ones are judged and none must.

    `reports`, `ok`, `verdicts`, `write` and `demand` do the same without a browser.

    Examples
    --------
    >>> verifier = Verifier("data/sound-*.tar")
    >>> verifier.ok
    True
    """

    def __init__(
        self,
        archives: str | Path | Sequence[str | Path] = (),
        *,
        held: Inventory | str | Path = "",
        deep: bool = True,
        loaders: Sequence[str] = (),
    ) -> None:
        named = [archives] if isinstance(archives, str | Path) else list(archives)
        self.archives = ipw.Textarea(
            value="\n".join(str(name) for name in named if str(name)) or _samples(),
            description="Archives",
            placeholder='one on each line: a file, a folder, a pattern such as "exports/*.tar"',
            style=LABEL,
            layout=WIDE,
        )
        self.picker = ArchivePicker()
        self.picker.path.description = "Add one"
        self.add = ipw.Button(description="Add to the list", layout=ipw.Layout(width="auto"))
        self._inventory = held if isinstance(held, Inventory) else None
        self.held = ipw.Combobox(
            value="" if isinstance(held, Inventory) else str(held),
            description="Target has",
            placeholder="nothing, or an inventory file, or an archive that the target has loaded",
            continuous_update=True,
            style=LABEL,
            layout=WIDE,
        )
        self.deep = ipw.Checkbox(
            value=deep,
            description="Read every byte (checks digests and diff IDs)",
            indent=False,
            layout=ipw.Layout(width="auto"),
        )
        self.runtimes = Runtimes(loaders, "Must load")
        self.button = ipw.Button(description="Verify", button_style="primary")
        self.progress = ProgressOfMany()
        self._worker = Worker("layerkit diagnose", self._freeze)
        self.problem = self._worker.problem
        self.result = markup("", "lkp-verified")
        self.folder = ipw.Text(
            value="",
            description="Folder",
            placeholder="reports",
            style=LABEL,
            layout=ipw.Layout(flex="1 1 260px", width="auto"),
        )
        self.keep = ipw.Button(description="Write reports", tooltip=f"All together as {', '.join(FORMATS)}")
        self.kept = markup("", "lkp-export")
        self._reports: Reports | None = None
        self._uploads: dict[str, str] = {}
        self.add.on_click(lambda _: self._add())
        self.button.on_click(lambda _: self.start())
        self.keep.on_click(lambda _: self._keep())
        self.archives.observe(lambda _: self._grow(), "value")
        self.held.observe(lambda _: self._typed(), "value")
        super().__init__([markup(STYLE), self._controls(), self.problem, self._results()])
        self.add_class("lkp-panel")
        self._grow()
        self._typed()

    def _controls(self) -> ipw.VBox:
        choosing = self.picker.children[1]
        choosing.children = (*choosing.children, self.add)
        action = _row("lkp-indent", self.button, self.progress)
        reading = _row("lkp-indent", self.deep)
        card = ipw.VBox([self.archives, self.picker, self.held, reading, self.runtimes, action])
        card.add_class("lkp-card")
        return card

    def _results(self) -> ipw.VBox:
        title = markup('<div class="lkp-title" role="heading" aria-level="2">Keep the reports</div>')
        self._found = ipw.VBox([self.result, title, _row("lkp-keep", self.folder, self.keep), self.kept])
        self._found.layout.display = "none"
        return self._found

    @property
    def reports(self) -> Reports:
        """A report or a failure for each archive. Where nothing was verified yet, it is done now; raises as `run`."""
        return self._reports if self._reports is not None else self.run()

    @property
    def ok(self) -> bool:
        """Whether every archive is sound, and loads on each runtime that must load it."""
        return self.reports.exit_code == 0

    @property
    def verdicts(self) -> pd.DataFrame:
        """One row per archive: subject, outcome, then a column `NAME@VERSION` per runtime.

        Its answers are loads, if-held, refuses, silent and unknown.
        """
        return verdict_frame(self.reports)

    def demand(self) -> None:
        """Nothing where all is well. Raises SourceError or IntegrityError, one sentence, where something is not."""
        if self.ok:
            return
        wrong = [item for item in self.reports if isinstance(item, Failure) or item.exit_code]
        first = wrong[0]
        why = first.error if isinstance(first, Failure) else _refusal(first)
        more = f" (1 of {len(wrong)} that are not fit)" if len(wrong) > 1 else ""
        message = f"{printable(first.subject)}{more}: {printable(why, 1000)}"
        failed = any(isinstance(item, Failure) for item in wrong)
        raise (SourceError if failed else IntegrityError)(message, hint="`reports` has all of it")

    def write(self, folder: str | Path) -> list[Path]:
        """Write the reports to `folder`: together in every format, and each archive's own page where there are many.

        Raises SourceError where the folder does not let us.
        """
        folder = Path(folder).expanduser()
        reports = self.reports
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written = [reports.write(folder / f"report{SUFFIXES.get(kind, '.' + kind)}", kind) for kind in FORMATS]
            if len(reports) > 1:
                own = [report for report in reports if isinstance(report, Report)]
                for name, report in zip(_file_names(own), own, strict=True):
                    written.append(report.write(folder / name, "html"))
        except OSError as error:
            raise SourceError(f"{folder} cannot be written: {error.strerror}", hint="name another folder") from error
        return written

    def start(self) -> None:
        """Verify in a thread of its own: the notebook stays usable, and Cancel works."""
        self._worker.start(self.run)

    def wait(self, timeout: float | None = None) -> Reports | None:
        """Wait for what `start` began, at most `timeout` seconds, and return the last reports."""
        self._worker.wait(timeout)
        return self._reports

    def run(self) -> Reports:
        """Verify here and now and show it. What cannot be done at all is told in the panel, and raised."""
        return self._worker.run(self._verify, lambda: "Stopped. Press Verify to start again.")

    def _verify(self) -> Reports:
        self._reports = None
        self._found.layout.display = "none"
        self.kept.value = ""
        self.progress.start()
        self._reports = reports = self._look()
        self.result.value = _page(reports)
        self._found.layout.display = ""
        return reports

    def _look(self) -> Reports:
        targets = [line.strip() for line in str(self.archives.value).splitlines() if line.strip()]
        if not targets:
            raise UsageError("No archive is named", hint="write one on each line, or add one from above")
        typed = str(self.held.value).strip()
        found = diagnose_all(
            [os.path.expanduser(target) for target in targets],
            deep=self.deep.value,
            loaders=self.runtimes.wanted,
            held=os.path.expanduser(typed) if typed else self._inventory,
            progress=self.progress,
        )
        return Reports(tuple(replace(item, subject=self._uploads.get(item.subject, item.subject)) for item in found))

    def _add(self) -> None:
        target = self.picker.target
        if not target:
            self.picker.note.value = note("No archive is chosen.", "type a path, choose a sample, or upload a file")
            return
        if self.picker.subject != target:
            self._uploads[target] = self.picker.subject
        lines = str(self.archives.value).splitlines()
        self.archives.value = "\n".join([*(line for line in lines if line.strip() and line != target), target])

    def _keep(self) -> None:
        try:
            written = self.write(str(self.folder.value).strip() or "reports")
        except LayerkitError as error:
            self.kept.value = note(f"{error}.", error.hint)
            return
        names = ", ".join(f"<code>{text(path.name, 100)}</code>" for path in written[:12])
        more = f" and {len(written) - 12} more" if len(written) > 12 else ""
        folder = text(str(written[0].parent.absolute()), 1000)
        self.kept.value = f"✓ Written to <code>{folder}</code>: {names}{more}"

    def _grow(self) -> None:
        self.archives.rows = min(8, max(3, self.archives.value.count("\n") + 1))

    def _typed(self) -> None:
        self.held.options = tuple(complete(self.held.value))

    def _freeze(self, frozen: bool) -> None:
        self.picker.freeze(frozen)
        boxes = self.runtimes.boxes.values()
        for control in (self.archives, self.add, self.held, self.deep, self.button, self.keep, *boxes):
            control.disabled = frozen
        if not frozen:
            self.progress.hide()

    def __repr__(self) -> str:
        return f"Verifier({str(self.archives.value).splitlines()!r})"

    def _repr_html_(self) -> str:
        """The static twin, for where widgets are not shown."""
        if self._reports is not None:
            return _page(self._reports)
        return self.problem.value or "<p>Nothing was verified yet: press Verify, or ask for <code>reports</code>.</p>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return {**super()._repr_mimebundle_(**kwargs), "text/html": self._repr_html_()}


def _page(reports: Reports) -> str:
    return (verdicts_html(reports) if len(reports) > 1 else "") + reports._repr_html_()


def _refusal(report: Report) -> str:
    """Why an archive is not fit: what is wrong with it, else who refuses it."""
    if report.outcome != "sound":
        return str(report.headline)
    said = next((v for v in report.verdicts if v.loads is not True), None)
    return f"{said.name} does not load it: {said.message}" if said else str(report.headline)


def _file_names(reports: Sequence[Report]) -> list[str]:
    """A name for each page: the archive's own, numbered where two have the same."""
    names: list[str] = []
    for report in reports:
        stem = Path(printable(report.subject, 200)).name or "archive"
        name, number = f"{stem}.report.html", 2
        while name in names:
            name, number = f"{stem}-{number}.report.html", number + 1
        names.append(name)
    return names


def _samples() -> str:
    from ..samples import data_dir

    try:
        return str(data_dir() / "sound-*.tar")
    except LayerkitError:
        return ""


def _row(name: str, *controls: ipw.Widget) -> ipw.HBox:
    row = ipw.HBox(list(controls))
    row.add_class("lkp-wrap")
    row.add_class(name)
    return row
