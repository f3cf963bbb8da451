"""What Go's time.Time says of a JSON value that is no time (time.go `UnmarshalJSON`, format.go `ParseError`)."""

from __future__ import annotations

import json
import re
from typing import Any

from ..messages import encoding

_LAYOUT = "2006-01-02T15:04:05Z07:00"
_USUAL = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)",
    re.ASCII,
)
_PARTS: tuple[tuple[str, str], ...] = (
    (r"\d{4}", "2006"),
    ("-", "-"),
    (r"\d\d", "01"),
    ("-", "-"),
    (r"\d\d", "02"),
    ("T", "T"),
    (r"\d{1,2}", "15"),
    (":", ":"),
    (r"\d\d", "04"),
    (":", ":"),
    (r"\d\d(?:[.,]\d+)?", "05"),
    (r"Z|[+-]\d\d:\d\d", "Z07:00"),
)
_RANGES = {"01": (1, 12, "month"), "02": (1, 31, "day"), "15": (0, 23, "hour"), "04": (0, 59, "minute")}


def time_fault(value: Any, *, quotes: bool) -> str:
    """The error about a field that should hold a time; "" for a good one and for null.

    `quotes`: Go up to 1.19 parses the value with its JSON quotes, later versions without.
    """
    if value is None or (isinstance(value, str) and _USUAL.fullmatch(value)):
        return ""
    if not isinstance(value, str) and not quotes:
        return encoding.TIME_STRING.format()
    mark = '"' if quotes else ""
    text = json.dumps(value, ensure_ascii=False)
    if not quotes:
        text = text[1:-1]
    parts = [(re.escape(mark), mark), *_PARTS, (re.escape(mark), mark)] if quotes else list(_PARTS)
    rest = text
    for pattern, name in parts:
        found = re.match(pattern, rest, re.ASCII)
        if found is None:
            return encoding.TIME_PARSE.format(time=text, layout=mark + _LAYOUT + mark, rest=rest, part=name)
        if name in _RANGES and not _RANGES[name][0] <= int(found[0]) <= _RANGES[name][1]:
            return encoding.TIME_RANGE.format(time=text, part=_RANGES[name][2])
        rest = rest[found.end() :]
    return encoding.TIME_EXTRA.format(time=text, rest=rest) if rest else ""
