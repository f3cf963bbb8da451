"""JSON from strangers: parsed within bounds, its faults kept as data.

Field names are matched as Go's encoding/json does, exactly or else without regard to case: every runtime
is written in Go, so `layers` serves where `Layers` is meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LIMIT = 4 << 20
"""Bytes of JSON that are parsed at most; registries stop at the same size (distribution, `maxManifestBodySize`)."""
MOST = 10_000
"""Entries of one list of layers, diff IDs or history steps that are read: runtimes stop at about 125 layers (moby,
layer/layer_store.go, `maxLayerDepth`), and a file of a few MiB can name a million."""


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON value and what stands after it. `fault` is empty where `value` is good."""

    raw: bytes = field(default=b"", repr=False)
    value: Any = field(default=None, repr=False)
    fault: str = ""
    trailing: bool = False

    @classmethod
    def parse(cls, raw: bytes, *, limit: int = LIMIT) -> Document:
        """Decode the first JSON value of `raw`, as a Go `json.Decoder` would; never raises."""
        if len(raw) > limit:
            return cls(raw[:limit], fault=f"larger than {limit >> 20} MiB; not parsed")
        if not raw.strip():
            return cls(raw, fault="empty")
        try:
            text = raw.decode("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8", "replace")
            start = len(text) - len(text.lstrip())
            value, end = _DECODER.raw_decode(text, start)
        except RecursionError:
            return cls(raw, fault="nested too deeply to be read")
        except ValueError as error:
            return cls(raw, fault=f"not JSON: {error}")
        return cls(raw, value, trailing=bool(text[end:].strip()))


def _number(text: str) -> int | float:
    return int(text) if len(text) < 40 else float("inf")  # int() of a megabyte of digits is quadratic


_DECODER = json.JSONDecoder(parse_int=_number)


def field_of(doc: Mapping[str, Any], name: str) -> Any:
    """The value of a field, None where it is absent."""
    if name in doc:
        return doc[name]
    lower = name.lower()
    return next((value for key, value in doc.items() if key.lower() == lower), None)


def text_of(doc: Mapping[str, Any], name: str) -> str:
    value = field_of(doc, name)
    return value if isinstance(value, str) else ""


def number_of(doc: Mapping[str, Any], name: str) -> int | None:
    value = field_of(doc, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def strings_of(value: Any) -> tuple[str, ...] | None:
    """A list of strings as a tuple; None for anything else."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


def texts_of(value: Any) -> Mapping[str, str]:
    """An object's string values; anything else is dropped."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}
