"""The alignment as a picture: one lane per claim, one cell per position, the same for every format.

Cells are single characters, so that a lane can be read, compared and drawn with nothing else:
`#` there, `.` missing, `!` there and wrong, `+` there and not expected, `~` left out and held by the target,
a blank where the claim has nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from ..alignment import Alignment, Layer
from ..image import Blob
from . import words

THERE, MISSING, WRONG, EXTRA, HELD, SILENT = "#", ".", "!", "+", "~", " "
WORDS: Mapping[str, str] = {
    THERE: "there",
    MISSING: "missing",
    WRONG: "wrong bytes",
    EXTRA: "too many",
    HELD: "left out, held by the target",
}
_WORST = f"{WRONG}{MISSING}{EXTRA}{HELD}{THERE}{SILENT}"
_COMPARED = 2000


@dataclass(frozen=True)
class Lane:
    """One claim. `agrees` is false where its number or its cells contradict the others."""

    name: str
    label: str
    note: str
    cells: str
    count: str
    agrees: bool

    @property
    def runs(self) -> Iterator[tuple[str, int, int]]:
        """Stretches of equal cells as (cell, first column, number of columns)."""
        first = 0
        for column in range(1, len(self.cells) + 1):
            if column == len(self.cells) or self.cells[column] != self.cells[first]:
                yield self.cells[first], first, column - first
                first = column

    def describe(self, step: int) -> str:
        """The lane in words, for those who cannot see it. `step` is how many positions a cell stands for."""
        parts = [f"{self.label}: {self.count}"]
        for cell, word in WORDS.items():
            where = [p for p, c in enumerate(self.cells) if c == cell]
            if where and cell != THERE:
                spots = words.spell([p * step + i for p in where for i in range(step)])
                parts.append(f"{word} at {'about ' if step > 1 else ''}{spots}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Picture:
    """Lanes of equal length. Each cell stands for `step` positions and shows the worst of them."""

    lanes: tuple[Lane, ...]
    positions: int
    note: str
    step: int = 1

    @property
    def columns(self) -> int:
        return len(self.lanes[0].cells)

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """The cells that occur, with their words."""
        used = {cell for lane in self.lanes for cell in lane.cells}
        return tuple((cell, word) for cell, word in WORDS.items() if cell in used)

    def ticks(self, apart: int = 5) -> Iterator[tuple[int, int]]:
        """Columns that carry a number, and the position each stands for."""
        for column in range(0, self.columns, apart):
            yield column, column * self.step

    def fit(self, columns: int) -> Picture:
        """The same picture in at most so many columns."""
        step = -(-self.positions // columns)
        if step <= self.step:
            return self
        lanes = tuple(replace(lane, cells=_shrink(lane.cells, step)) for lane in self.lanes)
        note = f"Each mark stands for {step:,} positions and shows the worst of them. {self.note}".strip()
        return replace(self, lanes=lanes, step=step, note=note)


def draw(alignment: Alignment, format: str) -> Picture | None:
    """The picture of one image; None where no claim names a layer."""
    layers = alignment.layers
    if not layers:
        return None
    counts, config = alignment.counts, alignment.config
    promised = _lane("config", "config", "rootfs.diff_ids", "".join(map(_config, layers)), counts["diff_ids"])
    name = words.title(alignment.manifest)
    listed = _lane(
        "manifest",
        "manifest",
        "manifest.json Layers" if name == "manifest.json" else f"layers of {name}",
        "".join(map(_manifest, layers)),
        counts["manifest_layers"],
    )
    history = _lane(
        "history",
        "history",
        "non-empty entries",
        "".join(_history(layer, silent=not config.has_history) for layer in layers),
        counts["history_nonempty"],
    )
    cells = "".join(map(_bytes, layers))
    there = _lane("bytes", "bytes", f"in the {words.place(format)}", cells, sum(layer.present for layer in layers))
    if not config.has_rootfs:
        promised = replace(promised, count="?", agrees=False)
    lanes = [promised, listed, *_other(alignment), history, there]
    note = f"Position 0 is the base. {words.matching(alignment)}".strip()
    return Picture(tuple(lanes), len(layers), note)


def repeats(alignment: Alignment) -> Mapping[int, int]:
    """Positions that are not listed and whose bytes are there all the same, as those of another position."""
    there: dict[str, int] = {}
    for layer in alignment.layers:
        if layer.listed and layer.present and layer.diff_id is not None and layer.matched_by != "position":
            there.setdefault(layer.diff_id, layer.position)
    return {x.position: there[x.diff_id] for x in alignment.layers if x.state == "unlisted" and x.diff_id in there}


def elsewhere(alignment: Alignment) -> tuple[int, ...]:
    """Positions that manifest.json does not list and whose bytes are there, listed by the OCI manifest alone."""
    other = alignment.oci
    if other is None or other is alignment.manifest or len(other.layers) != len(alignment.config.diff_ids):
        return ()
    has = alignment.image.source.has
    return tuple(
        layer.position
        for layer in alignment.layers
        if layer.state == "unlisted" and layer.config_index is not None and has(other.layers[layer.config_index])
    )


def _lane(name: str, label: str, note: str, cells: str, count: int) -> Lane:
    agrees = not any(cell in cells for cell in (MISSING, WRONG, EXTRA))
    return Lane(name, label, note, cells, f"{count:,}", agrees)


def _config(layer: Layer) -> str:
    return SILENT if layer.config_index is None else THERE


def _manifest(layer: Layer) -> str:
    if layer.state == "surplus":
        return EXTRA
    return THERE if layer.listed else SILENT if layer.state == "history" else MISSING


def _history(layer: Layer, *, silent: bool) -> str:
    if layer.state == "history":
        return EXTRA
    if layer.history_index is not None:
        return THERE
    return SILENT if silent or layer.config_index is None else MISSING


def _bytes(layer: Layer) -> str:
    if layer.state in ("wrong", "damaged"):
        return WRONG
    if layer.state == "held":
        return HELD
    if layer.present:
        return EXTRA if layer.state == "surplus" else THERE
    return SILENT if layer.state == "history" else MISSING


def _other(alignment: Alignment) -> Iterator[Lane]:
    """The OCI manifest of a hybrid archive, where it lists other layers than manifest.json."""
    other = alignment.oci
    if other is None or other is alignment.manifest or other.fault:
        return
    key = alignment.image.source.key
    ours, theirs = _keys(alignment.manifest.layers, key), _keys(other.layers, key)
    if ours == theirs:
        return
    rows = [layer.position for layer in alignment.layers]
    at = {layer.manifest_index: layer.position for layer in alignment.layers if layer.listed}
    cells = dict.fromkeys(rows, MISSING)
    blocks: Sequence[tuple[int, int, int]] = []
    if max(len(ours), len(theirs)) <= _COMPARED:
        blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    row = entry = 0
    for first, second, length in [*blocks, (len(ours), len(theirs), 0)]:
        # What lies between two blocks that agree is joined by order: more is not known of it.
        until = at[first] if first in at else len(rows)
        for position, _ in zip(range(row, until), range(entry, second), strict=False):
            cells[position] = THERE
        for offset in range(length):
            cells[at[first + offset]] = THERE
        if length:
            row, entry = at[first + length - 1] + 1, second + length
    for layer in alignment.layers:
        if layer.config_index is None:
            cells[layer.position] = EXTRA if cells[layer.position] == THERE else SILENT
    text = "".join(cells[position] for position in rows)
    lane = _lane("oci", "OCI", "OCI manifest layers", text, len(theirs))
    yield replace(lane, agrees=lane.agrees and len(theirs) == len(alignment.config.diff_ids))


def _keys(blobs: Sequence[Blob], key: object) -> list[str]:
    return [key(blob) for blob in blobs] if callable(key) else []


def _shrink(cells: str, step: int) -> str:
    return "".join(min(cells[at : at + step], key=_WORST.index) for at in range(0, len(cells), step))
