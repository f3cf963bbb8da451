"""Layers as a table to search, filter, sort and unfold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from ..frames import Frames
from ..report import words
from ..text import flatten
from .theme import LABEL, markup, text

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 300
"""Rows sent to the browser at once; whoever looks for one among more searches."""

_COLUMNS = {
    "position": "#",
    "state": "State",
    "diff_id": "Diff ID",
    "bytes": "Size",
    "created_by": "Created by",
}
_SEARCHED = ("path", "digest", "diff_id", "chain_id", "measured_digest", "measured_diff_id", "created_by")
_DETAILS = {
    "diff_id": "diff ID (config)",
    "chain_id": "chain ID",
    "path": "listed as",
    "digest": "blob digest",
    "media_type": "media type",
    "stored_size": "stored size",
    "size": "claimed size",
    "compression": "compression",
    "measured_digest": "measured digest",
    "measured_diff_id": "measured diff ID",
    "measured_size": "unpacked size",
    "matched_by": "matched by",
    "history_index": "history entry",
    "created_by": "created by",
}
_CODE = {"diff_id", "chain_id", "path", "digest", "measured_digest", "measured_diff_id", "created_by", "media_type"}
_SIZES = {"stored_size", "size", "measured_size"}


class LayerTable(ipw.VBox):
    """One image's layers at a time. A row is a native disclosure: Enter or a click unfolds everything known of it."""

    def __init__(self) -> None:
        self.image = ipw.Dropdown(description="Image", style=LABEL, layout=ipw.Layout(flex="1 1 260px", width="auto"))
        self.search = ipw.Text(
            description="Search",
            placeholder="digest, path or command",
            continuous_update=True,
            style=LABEL,
            layout=ipw.Layout(flex="1 1 240px", width="auto"),
        )
        self.state = ipw.Dropdown(
            description="State", style={"description_width": "44px"}, layout=ipw.Layout(width="280px")
        )
        self.headers = {column: self._header(column) for column in _COLUMNS}
        self.rows = markup("")
        self.count = markup("", "lkp-muted")
        self._frames: Frames | None = None
        self._order, self._descending = "position", False
        controls = ipw.HBox([self.search, self.state])
        controls.add_class("lkp-wrap")
        head = ipw.HBox(list(self.headers.values()))
        head.add_class("lkp-head")
        for control in (self.search, self.state):
            control.observe(lambda _: self._fill(), "value")
        self.image.observe(lambda _: self._choose(), "value")
        super().__init__([self.image, controls, head, self.rows, self.count])

    def show(self, frames: Frames) -> None:
        """Show the layers of these frames, the first image first."""
        self._frames = None  # the controls are set for new frames: nothing is drawn before they agree
        names = [f"{i}. {flatten(name, 120) or '(no tag)'}" for i, name in enumerate(frames.images["reference"], 1)]
        self.image.options = list(zip(names, range(len(names)), strict=True))
        self.image.layout.display = "" if len(names) > 1 else "none"
        self.search.value = ""
        self._frames = frames
        self._choose()

    @property
    def selected(self) -> pd.DataFrame:
        """The rows that search and filter leave, in the order shown; columns as in `Frames.layers`, and `bytes`."""
        layers = self._layers()
        if self.state.value:
            layers = layers[layers["state"] == self.state.value]
        wanted = str(self.search.value).strip().lower()
        if wanted:
            texts = layers[list(_SEARCHED)].fillna("").astype(str).agg("\n".join, axis=1)
            layers = layers[texts.str.lower().str.contains(wanted, regex=False)]
        return layers.sort_values(self._order, ascending=not self._descending, kind="stable", na_position="last")

    def sort(self, column: str) -> None:
        """Sort by a column; once more turns it around."""
        self._descending = not self._descending if column == self._order else False
        self._order = column
        self._fill()

    def _header(self, column: str) -> ipw.Button:
        button = ipw.Button(description=_COLUMNS[column], tooltip=f"Sort by {_COLUMNS[column].lower()}")
        button.on_click(lambda _: self.sort(column))
        return button

    def _layers(self) -> pd.DataFrame:
        assert self._frames is not None
        layers = self._frames.layers
        layers = layers[layers["image"] == (self.image.value or 0)]
        return layers.assign(bytes=layers["stored_size"].fillna(layers["size"]))

    def _choose(self) -> None:
        """Offer the states that occur in the chosen image."""
        if self._frames is None:
            return
        counts = Counter(self._layers()["state"])
        frames, self._frames = self._frames, None
        options = [(f"{words.state(s, deep=frames.deep)} ({n:,})", s) for s, n in counts.most_common()]
        self.state.options = [(f"all ({counts.total():,})", ""), *options]
        self.state.value = ""
        self._frames = frames
        self._fill()

    def _fill(self) -> None:
        if self._frames is None:
            return
        for column, button in self.headers.items():
            arrow = (" ↓" if self._descending else " ↑") if column == self._order else ""
            button.description = _COLUMNS[column] + arrow
        found = self.selected
        deep = self._frames.deep
        rows = "".join(_row(row, deep=deep) for row in found.head(SHOWN).to_dict("records"))
        empty = '<div class="lkp-none">No layer matches.</div>'
        self.rows.value = f'<div class="lkp-rows" role="group" aria-label="Layers">{rows or empty}</div>'
        total = len(self._layers())
        more = f", the first {SHOWN} shown: narrow the search" if len(found) > SHOWN else ""
        self.count.value = text(f"{len(found):,} of {words.count(total, 'layer')}{more}.")


def _row(row: dict[Any, Any], *, deep: bool) -> str:
    good = row["state"] in words.AGREEING
    state = words.state(row["state"], deep=deep)
    badge = (
        f'<span class="lkp-state {"lkp-good" if good else "lkp-trouble"}">{"✓" if good else "✗"} {text(state)}</span>'
    )
    diff_id = _short(row["diff_id"])
    size = words.size(int(row["bytes"])) if _known(row["bytes"]) else "–"
    created_by = text(str(row["created_by"]), 200)
    details = "".join(f"<dt>{title}</dt><dd>{value}</dd>" for title, value in _details(row))
    return (
        f'<details class="lkp-row"><summary><span class="lkp-at">{row["position"]}</span><span>{badge}</span>'
        f'<code class="lkp-id">{diff_id}</code><span class="lkp-size">{size}</span>'
        f'<code class="lkp-by">{created_by}</code></summary><dl class="lkp-details">{details}</dl></details>'
    )


def _details(row: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    for column, title in _DETAILS.items():
        value = row[column]
        if not _known(value) or value == "":
            continue
        if column in _SIZES:
            exact = f"{int(value):,} B"
            yield title, exact if int(value) < 1000 else f"{words.size(int(value))} ({exact})"
        else:
            shown = text(str(value), 2000)
            yield title, f"<code>{shown}</code>" if column in _CODE else shown


def _short(diff_id: Any) -> str:
    return text(diff_id[:19] + "…" if len(diff_id) > 20 else diff_id) if isinstance(diff_id, str) else "–"


def _known(value: Any) -> bool:
    import pandas as pd

    return not pd.isna(value)
