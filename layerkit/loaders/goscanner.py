"""What encoding/json of Go says of bytes that are no JSON (scanner.go), walked once and without recursion."""

from __future__ import annotations

import re

from ..messages import Sentence, encoding, golang
from ..messages.goquote import quote

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_DEPTH = 10_000
_STRING = re.compile(rb'[^"\\\x00-\x1f]*')


class _Stop(Exception):
    """The scanner's error, or the end of the input where `at_end`."""

    def __init__(self, words: str = "", *, at_end: bool = False) -> None:
        super().__init__(words)
        self.words, self.at_end = words, at_end


def complain(raw: bytes, *, stream: bool) -> str:
    """The error of Go's scanner about `raw`, "" where it has none."""
    try:
        at = _value(raw)
        if not stream:
            at = _blank(raw, at)
            if at < len(raw):
                return _invalid(raw[at], golang.INVALID_CHARACTER_AFTER)
    except _Stop as stop:
        if not stop.at_end:
            return stop.words
        if not stream:
            return _at_end(raw)
        return (golang.UNEXPECTED_EOF if raw.strip(_SPACE) else golang.EOF).format()
    return ""


def _at_end(raw: bytes) -> str:
    """`scanner.eof` gives the scanner one more blank, which a word or a number that is cut does not take."""
    try:
        _value(raw + b" ")
    except _Stop as stop:
        return golang.JSON_END.format() if stop.at_end else stop.words
    return golang.JSON_END.format()


def _invalid(byte: int, sentence: Sentence) -> str:
    return sentence.format(character=_quote(byte))


def _quote(byte: int) -> str:
    """`quoteChar` of scanner.go."""
    if byte == 0x27:
        return "'\\''"
    if byte == 0x22:
        return "'\"'"
    return f"'{quote(chr(byte))[1:-1]}'"


def _blank(raw: bytes, at: int) -> int:
    while at < len(raw) and raw[at] in _SPACE:
        at += 1
    return at


def _peek(raw: bytes, at: int) -> int:
    if at >= len(raw):
        raise _Stop(at_end=True)
    return raw[at]


def _value(raw: bytes) -> int:
    """Walk one value without recursion; `open_` holds the closing bracket of every container that is open."""
    open_: list[int] = []
    at = _blank(raw, 0)
    while True:
        byte = _peek(raw, at)
        if byte in b"{[":
            if len(open_) >= _DEPTH:
                raise _Stop(encoding.JSON_DEPTH.format())
            at = _blank(raw, at + 1)
            closing = 0x7D if byte == 0x7B else 0x5D
            if _peek(raw, at) != closing:
                open_.append(closing)
                if closing == 0x7D:
                    at = _key(raw, at)
                continue
            at += 1
        else:
            at = _scalar(raw, at)
        while True:
            if not open_:
                return at
            at = _blank(raw, at)
            byte = _peek(raw, at)
            if byte == open_[-1]:
                open_.pop()
                at += 1
                continue
            if byte != 0x2C:
                where = golang.INVALID_CHARACTER_PAIR if open_[-1] == 0x7D else encoding.JSON_ELEMENT
                raise _Stop(_invalid(byte, where))
            at = _blank(raw, at + 1)
            if open_[-1] == 0x7D:
                at = _key(raw, at)
            break


def _key(raw: bytes, at: int) -> int:
    if _peek(raw, at) != 0x22:
        raise _Stop(_invalid(raw[at], encoding.JSON_KEY))
    at = _blank(raw, _string(raw, at + 1))
    if _peek(raw, at) != 0x3A:
        raise _Stop(_invalid(raw[at], encoding.JSON_AFTER_KEY))
    return _blank(raw, at + 1)


def _scalar(raw: bytes, at: int) -> int:
    byte = raw[at]
    if byte == 0x22:
        return _string(raw, at + 1)
    if byte in b"-0123456789":
        return _numeric(raw, at)
    for word in (b"true", b"false", b"null"):
        if byte == word[0]:
            for step, expected in enumerate(word[1:], 1):
                if _peek(raw, at + step) != expected:
                    raise _Stop(
                        golang.INVALID_CHARACTER.format(
                            character=_quote(raw[at + step]), literal=word.decode(), expecting=_quote(expected)
                        )
                    )
            return at + len(word)
    raise _Stop(golang.INVALID_CHARACTER_START.format(character=_quote(byte)))


def _string(raw: bytes, at: int) -> int:
    while True:
        found = _STRING.match(raw, at)
        at = found.end() if found else at
        byte = _peek(raw, at)
        if byte == 0x22:
            return at + 1
        if byte != 0x5C:
            raise _Stop(_invalid(byte, encoding.JSON_STRING))
        code = _peek(raw, at + 1)
        if code == 0x75:
            for step in range(2, 6):
                if _peek(raw, at + step) not in b"0123456789abcdefABCDEF":
                    raise _Stop(_invalid(raw[at + step], encoding.JSON_HEX))
            at += 6
        elif code in b'bfnrt\\/"':
            at += 2
        else:
            raise _Stop(_invalid(code, encoding.JSON_ESCAPE))


def _numeric(raw: bytes, at: int) -> int:
    if raw[at] == 0x2D:
        at += 1
        if _peek(raw, at) not in _DIGITS:
            raise _Stop(_invalid(raw[at], encoding.JSON_NUMBER))
    if raw[at] == 0x30:
        at += 1
    else:
        at = _digits(raw, at)
    if at < len(raw) and raw[at] == 0x2E:
        at += 1
        if _peek(raw, at) not in _DIGITS:
            raise _Stop(_invalid(raw[at], encoding.JSON_DECIMAL))
        at = _digits(raw, at)
    if at < len(raw) and raw[at] in b"eE":
        at += 1
        if _peek(raw, at) in b"+-":
            at += 1
        if _peek(raw, at) not in _DIGITS:
            raise _Stop(_invalid(raw[at], encoding.JSON_EXPONENT))
        at = _digits(raw, at)
    return at


def _digits(raw: bytes, at: int) -> int:
    while at < len(raw) and raw[at] in _DIGITS:
        at += 1
    return at
