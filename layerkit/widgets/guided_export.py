"""An export step by step: what, for whom, what travels, carry it out, prove it. The panel of notebook 02."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import ipywidgets as ipw

from ..diagnosis import diagnose
from ..errors import Cancelled, LayerkitError, UsageError
from ..export import Exported, export_image, plan_export
from ..output import Outer
from ..plan import Form, Packing, Plan, size_text
from ..report import Report
from ..report.plan_view import content as plan_content
from ..report.plan_view import sheet
from ..report.proof import content as proof_content
from ..sources.access import Access
from ..store import Store
from .export_form import ExportForm
from .export_options import ExportOptions
from .export_progress import ExportProgress
from .progress_bar import ProgressBar
from .report_export import ReportExport
from .step_bar import StepBar
from .target_picker import Target
from .theme import LABEL, STYLE, button, markup, text, title
from .worker import Worker

if TYPE_CHECKING:
    import pandas as pd


_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_IMAGES, _PLAN, _EXPORT, _PROOF, _ALL = 0, 2, 3, 4, 5


class GuidedExport(ipw.VBox):
    """Name images and who they are for, see what travels, export, and read the proof.

    Parameters
    ----------
    images
        One or many, as `layerkit.plan_export` takes them; empty: a sample that needs no network.
    to
        What the target holds: an inventory, a path to one, or an archive that it has loaded.
    output
        The archive to write; empty: a name made from the image's.
    rate
        Bytes per second on the way to the target, for the time that the plan names.
    form, layers, outer, split, platform, store, deep, access
        As `layerkit.export_image` takes them; `deep` reads the written archive back in full.

    `plan`, `run`, `report` and `log` do the same without a browser. Where widgets are not shown, the panel is its
    plan and its proof as static HTML.

    Examples
    --------
    >>> panel = GuidedExport("oci:data/shop-oci:1.1")
    >>> panel.plan().is_delta
    False
    """

    def __init__(
        self,
        images: str | Sequence[str] = "",
        *,
        to: Target | Sequence[Target] = (),
        output: str | Path = "",
        platform: str = "",
        store: Store | str | Path | None = None,
        rate: float = 1e6,
        form: Form = "universal",
        layers: Packing | str = "auto",
        outer: Outer = "",
        split: int = 0,
        deep: bool = True,
        **access: Unpack[Access],
    ) -> None:
        where = store.root if isinstance(store, Store) else store or ""
        self.form = ExportForm(
            images,
            to,
            platform,
            ExportOptions(form=form, layers=layers, outer=outer, split=split, store=where, deep=deep, access=access),
            access.get("authfile", ""),
        )
        self.plan_button = button("Plan", "Say what would travel, without doing it")
        self.planning = ProgressBar()
        self.rate = ipw.BoundedFloatText(
            value=rate / 1e6,
            min=0.001,
            max=100_000,
            step=0.5,
            description="Speed",
            tooltip="MB per second on the way to the target",
            style=LABEL,
            layout=ipw.Layout(width="180px"),
        )
        self.output = ipw.Text(
            value=str(output),
            description="Save as",
            placeholder="export.tar",
            style=LABEL,
            layout=ipw.Layout(flex="1 1 300px", width="auto"),
        )
        self.export_button = button("Export", "Carry out exactly this plan")
        self.progress = ExportProgress()
        self.steps = StepBar("Steps of an export", ("Images", "Target", "Plan", "Export", "Proof"))
        self._worker = Worker("layerkit export", self._freeze)
        self.problem = self._worker.problem
        self.planned = markup("", "lkp-planned")
        self.proof = markup("", "lkp-planned")
        self.keep = ReportExport()
        self._plan: Plan | None = None
        self._asked: object = None
        self._exported: Exported | None = None
        self.plan_button.on_click(lambda _: self.start(self.plan))
        self.export_button.on_click(lambda _: self.start(self.run))
        self.rate.observe(lambda _: self._show_plan(), "value")
        self.form.images.observe(lambda _: self._step(), "value")
        super().__init__([markup(STYLE), self._layout()])
        self.add_class("lkp-panel")
        self._step()

    def _layout(self) -> ipw.VBox:
        speed = ipw.HBox([self.rate, markup("MB/s to the target", "lkp-muted")])
        speed.add_class("lkp-wrap")
        speed.add_class("lkp-speed")
        saving = ipw.HBox([self.output, self.export_button])
        saving.add_class("lkp-wrap")
        self._planned = ipw.VBox([title("Plan"), self.planned, speed, title("Export"), saving, self.progress])
        self._proved = ipw.VBox([title("Proof"), self.proof, title("Keep the report"), self.keep])
        self._planned.layout.display = self._proved.layout.display = "none"
        planning = ipw.HBox([self.plan_button, self.planning])
        planning.add_class("lkp-wrap")
        planning.add_class("lkp-indent")
        body = ipw.VBox([self.form, planning, self._planned, self.problem, self._proved])
        body.add_class("lkp-body")
        card = ipw.VBox([self.steps, body])
        card.add_class("lkp-card")
        card.add_class("lkp-guide")
        return card

    @property
    def path(self) -> Path:
        """The archive to write: what was typed, else a name made from the image's."""
        typed = str(self.output.value).strip()
        return Path(typed).expanduser() if typed else Path(_suggestion(self._plan))

    @property
    def exported(self) -> Exported | None:
        """What the last run wrote."""
        return self._exported

    @property
    def report(self) -> Report | None:
        """The diagnosis of what the last run wrote; against what the target holds, where that is known."""
        return self._exported.report if self._exported is not None else None

    @property
    def log(self) -> pd.DataFrame:
        """One row per layer: what was planned and why, how many bytes came, what became of it.

        Columns: image, position, digest, size, action, reason, received, seconds, outcome.
        """
        return self.progress.frame

    def plan(self) -> Plan:
        """Plan here and now and show it. What cannot be done is told in the panel, and raised."""
        return self._worker.run(self._decide, self._stopped)

    def run(self) -> Exported:
        """Export what was planned, plan first where nothing was or something else is asked for now; then verify."""
        return self._worker.run(self._carry_out, self._stopped)

    def start(self, work: Callable[[], object]) -> None:
        """`plan` or `run` in a thread of its own: the notebook stays usable, Pause and Cancel work."""
        self._worker.start(work)

    def wait(self, timeout: float | None = None) -> Exported | None:
        """Wait for what `start` began, at most `timeout` seconds, and return the last export."""
        self._worker.wait(timeout)
        return self._exported

    def _decide(self) -> Plan:
        self._plan = self._exported = None
        self._planned.layout.display = self._proved.layout.display = "none"
        self.progress.clear()
        asked = self.form.asked
        self.planning.start()
        plan = plan_export(self.form.names, progress=self.planning, **self.form.planning())
        self._plan, self._asked = plan, asked
        self.output.placeholder = _suggestion(plan)
        self.export_button.description = "Export"
        self._show_plan()
        return plan

    def _carry_out(self) -> Exported:
        plan = self._plan
        # After a run, stopped or not, the store holds more: what is still to be fetched is told anew.
        if plan is None or self._asked != self.form.asked or self.progress.used:
            plan = self._decide()
        self.planning.hide()
        self._proved.layout.display = "none"
        self.progress.start(plan)
        self._step(_EXPORT)
        outcome = "failed"
        try:
            done = self._prove(export_image(plan, self.path, progress=self.progress, **self.form.writing()))
            outcome = "verified"
        except Cancelled:
            outcome = "stopped"
            raise
        except UsageError:  # nothing was begun
            outcome = ""
            raise
        finally:
            self.progress.finish(outcome)
            if not outcome:
                self.progress.clear()
            self.export_button.description = "Resume" if outcome in ("stopped", "failed") else "Export"
        self._exported = done
        self.proof.value = f"<style>{sheet()}</style>{proof_content(done)}"
        self.keep.show(done.report, self.path)
        self._proved.layout.display = ""
        return done

    def _prove(self, done: Exported) -> Exported:
        """A delta is diagnosed once more, now together with what its target holds."""
        targets = done.plan.targets
        if len(targets) != 1 or len(done.paths) != 1 or not done.plan.is_delta:
            return done
        deep, path = done.report.deep, done.paths[0]
        with suppress(Cancelled):  # what was written has its name and its diagnosis already
            return replace(done, report=diagnose(path, deep=deep, held=targets[0], progress=self.progress))
        return done

    def _show_plan(self) -> None:
        if self._plan is not None:
            self.planned.value = f"<style>{sheet()}</style>{plan_content(self._plan, self.rate.value * 1e6)}"
            self._planned.layout.display = ""

    def _stopped(self) -> str:
        if self._plan is None:
            return "Stopped. Press Plan to start again."
        missing = {
            step.digest: self.form.store.missing(step.digest, step.size) for step in self._plan.carried if step.bytes
        }
        kept = self._plan.fetch_bytes - sum(missing.values())
        amount = f"{size_text(max(0, kept))} of {size_text(self._plan.fetch_bytes)}"
        return text(f"Stopped. {amount} have come and are kept; press Resume to go on from there.")

    def _step(self, at: int | None = None) -> None:
        if at is None:
            done = self._exported is not None
            at = _ALL if done else _EXPORT if self._plan is not None else _PLAN if self.form.lines else _IMAGES
        self.steps.at(at)

    def _freeze(self, frozen: bool) -> None:
        self.form.freeze(frozen)
        self.output.disabled = self.plan_button.disabled = self.export_button.disabled = frozen
        if not frozen:
            self.planning.hide()
            self._step()

    def __repr__(self) -> str:
        return f"GuidedExport({self.form.lines!r})"

    def _repr_html_(self) -> str:
        """The static twin, for where widgets are not shown. The sample is planned for it; nothing else is."""
        if self._plan is None and self.form.sample and not self.problem.value:
            with suppress(LayerkitError):
                self.plan()
        if self._plan is None:
            return self.problem.value or "<p>Nothing was planned yet: press Plan, or call <code>plan()</code>.</p>"
        proof = proof_content(self._exported) if self._exported is not None else ""
        return f"<style>{sheet()}</style>{plan_content(self._plan, self.rate.value * 1e6)}{proof}"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        html = self._repr_html_()  # first, so that the panel comes up with its plan
        return {**super()._repr_mimebundle_(**kwargs), "text/html": html}


def _suggestion(plan: Plan | None) -> str:
    """A name for the archive. Images are named by others: nothing but letters, digits and `._-` is taken from them."""
    if plan is None:
        return "export.tar"
    name = _UNSAFE.sub("-", plan.names[0].rpartition("/")[2]).strip(".-")[:80] or "export"
    return f"{name}{'-and-more' if len(plan.images) > 1 else ''}{'-delta' if plan.is_delta else ''}.tar"
