"""Strings and runes as Go's ``%q`` prints them (strconv.Quote, strconv.QuoteRune), both ways."""

from __future__ import annotations

import re

NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
ESCAPES = {char: "\\" + name for name, char in NAMED.items()}
ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<o>[0-3][0-7]{2})|(?P<c>.))",
    re.DOTALL,
)


def escape(char: str, delimiter: str) -> str:
    """Escape one character (strconv.appendEscapedRune); `delimiter` is the quote around it."""
    if char in (delimiter, "\\"):
        return "\\" + char
    if char.isprintable():
        return char
    if char in ESCAPES:
        return ESCAPES[char]
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    """Return `text` as Go's ``%q`` prints a string."""
    return '"' + "".join(escape(char, '"') for char in text) + '"'


def quote_rune(number: int) -> str:
    """Return `number` as Go's ``%q`` prints an integer: the character with that code, 17 is ``'\\x11'``."""
    valid = 0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return "'" + escape(chr(number) if valid else "\ufffd", "'") + "'"


def replace_escape(found: re.Match[str]) -> str:
    """Return the character of one escape; what Go does not know stays as it is."""
    code = found["x"] or found["u"] or found["U"]
    if code or found["o"]:
        number = int(code, 16) if code else int(found["o"], 8)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    char = found["c"]
    return NAMED.get(char, char if char in "\\'\"" else found[0])


def unescape(text: str) -> str:
    """Resolve the escapes of a quoted string or rune."""
    return ESCAPE.sub(replace_escape, text)


def unquote(text: str) -> str:
    """Return the string that ``%q`` printed as `text`, quotes included."""
    return unescape(text[1:-1])


def unquote_rune(text: str) -> int:
    """Return the integer that ``%q`` printed as `text`; lost quotes and doubled backslashes are tolerated."""
    inner = text[1:-1] if len(text) > 2 and text[0] == text[-1] == "'" else text.strip("'") or text
    if re.match(r"\\\\.", inner):
        inner = inner[1:]
    return ord(unescape(inner)[0])
