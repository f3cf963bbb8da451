"""Two images side by side: their layers, configs and histories, and what a host with the one needs for the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from ..alignment import Alignment, align
from ..decision import decide
from ..digest import chain_ids
from ..errors import FormatError, UsageError
from ..image import Config, Image
from ..inventory import Inventory
from ..plan import Plan, size_text
from ..sources import open_image
from ..sources.access import Access

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "layerkit.comparison/1"
Likeness = Literal["same", "rebased", "removed", "added"]
"""same: the same layer on the same layers · rebased: the same files upon other layers · removed, added: in one only."""

_DEPTH, _FIELDS = 6, 5000
_APART = frozenset({"rootfs", "history"})
"""What a config holds that is compared as layers and steps, and not as fields."""


@dataclass(frozen=True, slots=True)
class LayerPair:
    """One layer of either image or of both; `a` and `b` are its positions, `size` the stored bytes where known."""

    a: int | None
    b: int | None
    diff_id: str
    likeness: Likeness
    size: int | None
    repacked: bool
    created_by: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the config, or a step of the history, that is not the same; None where it is absent."""

    path: str
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Comparison:
    """What two images have in common and what not. In a notebook it shows itself."""

    a: Image = field(repr=False)
    b: Image = field(repr=False)
    names: tuple[str, str]

    @cached_property
    def layers(self) -> tuple[LayerPair, ...]:
        """Every layer of both, those of A's that B lacks where they stood."""
        return tuple(_pairs(align(self.a), align(self.b)))

    @cached_property
    def fields(self) -> tuple[Difference, ...]:
        """Fields of the config that differ, by path."""
        one, two = dict(_flat(_fields(self.a.config))), dict(_flat(_fields(self.b.config)))
        paths = sorted(one.keys() | two.keys())
        return tuple(Difference(p, one.get(p), two.get(p)) for p in paths if one.get(p) != two.get(p))

    @cached_property
    def history(self) -> tuple[Difference, ...]:
        """Steps that differ, by their index in either history."""
        one, two = _steps(self.a.config), _steps(self.b.config)
        found = []
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
            if tag != "equal":
                for i, j in zip_longest(range(i1, i2), range(j1, j2)):
                    where = " / ".join("–" if n is None else str(n) for n in (i, j))
                    found.append(Difference(where, None if i is None else one[i], None if j is None else two[j]))
        return tuple(found)

    @cached_property
    def need(self) -> Plan | None:
        """What a host that has loaded A needs for B; None where one of them does not agree with itself."""
        try:
            return decide(list(self._alignments_of_b), [Inventory.of_images(self.names[0], self.a)])
        except FormatError:
            return None

    @property
    def _alignments_of_b(self) -> Iterator[Alignment]:
        from ..frames import read_frames

        structural = align(self.b)
        known = all(r.blob is None or (r.blob.digest and r.blob.size is not None) for r in structural.layers)
        yield from [structural] if known else read_frames(self.b, deep=True).alignments

    @property
    def identical(self) -> bool:
        """Whether both have the same image ID."""
        return bool(self.a.config.raw) and self.a.config.digest == self.b.config.digest

    @property
    def shared_prefix(self) -> int:
        """How many of the lowest layers are the same upon the same."""
        return sum(pair.likeness == "same" for pair in self.layers)

    @property
    def sentence(self) -> str:
        if self.identical:
            return "The same image: both configs have the same digest."
        same = f"{self.shared_prefix} layers in common at the bottom"
        added = [p for p in self.layers if p.likeness in ("added", "rebased") and p.b is not None]
        text = f"{same}, {len(added)} of B's {len(self.b.config.diff_ids)} are not A's"
        if self.need is not None:
            text += f"; a host with A needs {size_text(self.need.travel_bytes)} for B"
        return f"{text}. {len(self.fields)} config fields and {len(self.history)} steps differ."

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The layers as a frame: a, b (positions, or NA), diff_id, likeness, size (bytes), repacked, created_by."""
        import pandas as pd

        columns = ["a", "b", "diff_id", "likeness", "size", "repacked", "created_by"]
        rows = [[getattr(pair, column) for column in columns] for pair in self.layers]
        return pd.DataFrame(rows, columns=columns).astype({"a": "Int64", "b": "Int64", "size": "Int64"})

    @cached_property
    def differences(self) -> pd.DataFrame:
        """What differs in the configs and histories as a frame: what, path, a, b."""
        import pandas as pd

        rows = [("config", d.path, d.a, d.b) for d in self.fields] + [
            ("history", d.path, d.a, d.b) for d in self.history
        ]
        return pd.DataFrame(rows, columns=["what", "path", "a", "b"])

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON data, schema layerkit.comparison/1. Sizes are bytes."""
        need = self.need
        return {
            "schema": SCHEMA,
            "a": _about(self.names[0], self.a),
            "b": _about(self.names[1], self.b),
            "identical": self.identical,
            "shared_prefix": self.shared_prefix,
            "layers": [
                {
                    "a": p.a,
                    "b": p.b,
                    "diff_id": p.diff_id,
                    "likeness": p.likeness,
                    "size": p.size,
                    "repacked": p.repacked,
                }
                for p in self.layers
            ],
            "config": [{"path": d.path, "a": d.a, "b": d.b} for d in self.fields],
            "history": [{"index": d.path, "a": d.a, "b": d.b} for d in self.history],
            "need": None
            if need is None
            else {"bytes": need.travel_bytes, "layers": [s.diff_id for s in need.carried], "held": len(need.skipped)},
        }

    def render(self, format: str = "text") -> str:
        """The comparison as text, json, html or md."""
        from .rendering import FORMATS

        if format not in FORMATS:
            raise UsageError(f"unknown format {format!r}, expected one of {', '.join(FORMATS)}")
        return FORMATS[format](self)

    def _repr_html_(self) -> str:
        from .rendering import to_embedded

        return to_embedded(self)


def compare(
    a: str | Path | Image, b: str | Path | Image, *, platform: str = "", **access: Unpack[Access]
) -> Comparison:
    """Put two images side by side: archives, layouts, registry tags.

    Parameters
    ----------
    a, b
        Each one image, named as on the command line, or opened already. What B needs is counted for a host with A.
    platform
        `os/architecture[/variant]`, where a source offers several.

    Raises NotFound where a name leads to none or several images.

    Examples
    --------
    >>> compare("oci:data/shop-oci:1.0", "oci:data/shop-oci:1.1").shared_prefix
    10
    """
    one, two = (x if isinstance(x, Image) else open_image(x, platform=platform, **access) for x in (a, b))
    return Comparison(one, two, (_name(a), _name(b)))


def _name(image: str | Path | Image) -> str:
    return image.reference or image.source.uri if isinstance(image, Image) else str(image)


def _pairs(a: Alignment, b: Alignment) -> Iterator[LayerPair]:
    one, two = a.config.diff_ids, b.config.diff_ids
    chains_a, chains_b = list(chain_ids(one)), list(chain_ids(two))
    rows_a = {row.config_index: row for row in a.layers}
    rows_b = {row.config_index: row for row in b.layers}

    def pair(i: int | None, j: int | None, likeness: Likeness) -> LayerPair:
        mine = rows_a.get(i) if i is not None else None
        theirs = rows_b.get(j) if j is not None else None
        row = theirs or mine
        diff_id = two[j] if j is not None else one[i] if i is not None else ""
        digests = {r.blob.digest for r in (mine, theirs) if r is not None and r.blob is not None and r.blob.digest}
        size = None if row is None else row.blob.size if row.blob and row.blob.size is not None else row.stored_size
        return LayerPair(i, j, diff_id, likeness, size, len(digests) > 1, row.created_by if row is not None else "")

    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if tag == "equal":
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                yield pair(i, j, "same" if chains_a[i] == chains_b[j] else "rebased")
            continue
        for i in range(i1, i2):
            yield pair(i, None, "removed")
        for j in range(j1, j2):
            yield pair(None, j, "added")


def _fields(config: Config) -> Mapping[str, Any]:
    return {key: value for key, value in config.document.items() if key.lower() not in _APART}


def _flat(value: Any, path: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, str]]:
    """Every value by its path: config.Env[3]. Environments are keyed by name, so that a new one moves no other."""
    if isinstance(value, Mapping) and value and depth:
        for key, inner in list(value.items())[:_FIELDS]:
            yield from _flat(inner, f"{path}.{key}" if path else str(key), depth - 1)
    elif isinstance(value, list) and path.lower() == "config.env" and all(isinstance(v, str) for v in value):
        for text in value[:_FIELDS]:
            name, _, rest = text.partition("=")
            yield f"{path}.{name}", rest
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _steps(config: Config) -> list[str]:
    return [f"{h.created_by or h.comment}{' (no layer)' if h.empty_layer else ''}" for h in config.history]


def _about(name: str, image: Image) -> dict[str, Any]:
    config = image.config
    digest = config.digest if config.raw else None
    return {
        "subject": name,
        "reference": image.reference or None,
        "config_digest": digest,
        "platform": config.platform or None,
        "layers": len(config.diff_ids),
    }
