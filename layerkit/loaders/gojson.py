"""What Go's encoding/json says about bytes that are no JSON, or JSON of another shape (scanner.go, decode.go).

Good JSON is decoded by Python; only where that fails, or finds what Go would not take, are the bytes walked again for
the exact words. Shapes describe the Go types that runtimes decode into, as far as a wrong type is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from ..messages import encoding, golang
from .goscanner import complain
from .gotime import time_fault


@dataclass(frozen=True)
class Shape:
    """A Go type: the kind of JSON it takes, its name, the type of a list's elements, the fields of a struct."""

    kind: str
    go: str
    item: Shape | None = None
    fields: Mapping[str, Shape] = field(default_factory=dict, hash=False)
    embedded: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Fields of an embedded struct and its name, which Go since 1.20 puts into errors."""

    @cached_property
    def by_key(self) -> Mapping[str, tuple[str, Shape]]:
        """Name (as errors give it) and type of each field, by its name in lower case."""
        return {
            name.lower(): (f"{self.embedded[name]}.{name}" if name in self.embedded else name, inner)
            for name, inner in self.fields.items()
        }

    @cached_property
    def short(self) -> str:
        """The name without its package; empty for a struct that has none."""
        return "" if "{" in self.go else self.go.rpartition(".")[2]


TEXT = Shape("string", "string")
FLAG = Shape("bool", "bool")
NUMBER = Shape("number", "int64")
TIME = Shape("time", "")
TIME_QUOTED = Shape("time", "quoted")
"""A time.Time, as Go since 1.20 and before reads it."""
WORDS = Shape("words", "string")
"""A string or a list of strings (moby api/types/strslice)."""


def list_of(item: Shape, go: str = "") -> Shape:
    return Shape("array", go or f"[]{item.go}", item)


def map_of(item: Shape) -> Shape:
    return Shape("object", f"map[string]{item.go}", item)


def struct(go: str, **fields: Shape) -> Shape:
    return Shape("object", go, fields=fields)


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


def _number(text: str) -> int | float:
    return int(text) if len(text) < 40 else float("inf")


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_int=_number)


def decode(raw: bytes, shape: Shape | None = None, *, stream: bool = False) -> tuple[Any, str]:
    """The value of `raw` and what Go says of it: "" where it is taken.

    Parameters
    ----------
    stream
        As `json.Decoder.Decode`, which stops after the first value, not as `json.Unmarshal`, which wants only one.
    """
    text = raw.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, complain(raw, stream=stream) or encoding.JSON_DEPTH.format()
    unfinished = text[end : end + 1] in (".", "e", "E")  # Python takes the 1 of `1.x`
    if (unfinished or not stream) and (error := complain(raw, stream=stream) if text[end:].strip(" \t\r\n") else ""):
        return None, error
    return value, "" if shape is None or _fits(value, shape) else mistyped(value, shape)


def pick(doc: Any, name: str) -> Any:
    """A field as Go matches it: the last key that equals `name` without regard to case."""
    found = None
    if isinstance(doc, dict):
        lower = name.lower()
        for key, value in doc.items():
            if key == name or key.lower() == lower:
                found = value
    return found


def _fits(value: Any, shape: Shape) -> bool:
    """Whether all values have their usual types, which is quicker to tell than what is wrong."""
    kind = shape.kind
    if isinstance(value, str):
        return kind in ("string", "words") or (kind == "time" and not time_fault(value, quotes=bool(shape.go)))
    if isinstance(value, list):
        item = TEXT if kind == "words" else shape.item
        return kind in ("array", "words") and (item is None or all(_fits(inner, item) for inner in value))
    if isinstance(value, dict):
        if kind != "object":
            return False
        if shape.item is not None:
            return all(_fits(inner, shape.item) for inner in value.values())
        fields = shape.by_key
        return all((entry := fields.get(key.lower())) is None or _fits(inner, entry[1]) for key, inner in value.items())
    return value is None or kind == ("bool" if isinstance(value, bool) else "number")


def mistyped(value: Any, shape: Shape, path: tuple[str, ...] = (), owner: str | None = None) -> str:
    """The first value of a wrong type, in Go's words; "" where all fit. null fits everything."""
    if value is None:
        return ""
    if shape.kind == "time":
        return time_fault(value, quotes=bool(shape.go))
    found = _kind(value)
    if shape.kind == "words" and found == "array" and all(isinstance(word, str | None) for word in value):
        return ""
    if found != shape.kind and not (shape.kind == "words" and found == "string"):
        if owner is None:
            return golang.JSON_TYPE.format(found=found, wanted=shape.go)
        name = f"{owner}.{'.'.join(path)}"
        return golang.JSON_FIELD_TYPE.format(found=found, field=name, wanted=shape.go)
    if shape.kind == "array" and shape.item is not None:
        return next(filter(None, (mistyped(v, shape.item, path, owner) for v in value)), "")
    if shape.kind == "object" and shape.item is not None:
        return next(filter(None, (mistyped(v, shape.item, path, owner) for v in value.values())), "")
    if shape.kind == "object":
        for key, inner in value.items():
            if (entry := shape.by_key.get(key.lower())) is not None and (
                error := mistyped(inner, entry[1], (*path, entry[0]), shape.short)
            ):
                return error
    return ""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
