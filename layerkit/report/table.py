"""The table of layers: a row each, and what of a long one is folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ..alignment import Layer
from ..text import flatten, printable
from . import words

ROWS = 60
"""Rows of a layer table that are shown without being asked for."""


@dataclass(frozen=True)
class Row:
    """One layer of the table; all text is safe to look at. `agrees` rows may be hidden."""

    position: int
    diff_id: str
    listed: str
    state: str
    size: str
    created_by: str
    agrees: bool


@dataclass(frozen=True)
class Stretch:
    """Neighbouring rows; a hidden stretch is of one kind and is told in one line."""

    rows: tuple[Row, ...]
    hidden: bool = False

    @property
    def summary(self) -> str:
        what = "layers that agree" if self.rows[0].agrees else "more like these"
        return f"{len(self.rows):,} {what}, {self.rows[0].position:,} to {self.rows[-1].position:,}"


def make_row(layer: Layer, deep: bool, state: str | None) -> Row:
    listed = printable(layer.path or "", 200) if layer.listed else ""
    return Row(
        layer.position,
        printable(layer.diff_id or "", 80),
        listed,
        state or words.state(layer.state, deep=deep),
        words.size(layer.stored_size),
        words.step(flatten(layer.created_by, 200)),
        layer.state in words.AGREEING,
    )


def fold(rows: Sequence[Row], most: int = ROWS, edge: int = 2) -> list[Stretch]:
    """A table of more than `most` rows as stretches: those that agree are folded away, but for their edges."""
    if len(rows) <= most:
        return [Stretch(tuple(rows))]
    stretches: list[Stretch] = []

    def put(part: tuple[Row, ...], *, hidden: bool) -> None:
        if stretches and stretches[-1].hidden == hidden and not hidden:
            stretches[-1] = Stretch(stretches[-1].rows + part)
        elif part:
            stretches.append(Stretch(part, hidden))

    for agrees, group in groupby(rows, lambda row: row.agrees):
        run = tuple(group)
        head, tail = (edge, edge) if agrees else (ROWS, 0)
        if len(run) <= head + tail + 1:
            put(run, hidden=False)
        else:
            put(run[:head], hidden=False)
            put(run[head : len(run) - tail], hidden=True)
            put(run[len(run) - tail :], hidden=False)
    return stretches
