"""Cut pasted text into pieces that may hold a sentence: lines, podman's bullets, JSON strings, log messages.

Whatever wraps the words of a runtime is taken off here: colours, CRLF, typographic quotes, the JSON stream of the
Docker API, ``msg="..."`` of logrus with its Go quoting, and backslashes before quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from layerkit.messages.goquote import unescape

LIMIT = 1_000_000
WINDOW, OVERLAP = 8192, 1024
DEPTH = 3
OBJECTS = 64
STRINGS = 1000

ANSI = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,200}(?:\x07|\x1b\\)?|[@-Z\\-_])")
NEWLINE = re.compile(r"\r\n|\n|\r")
TYPOGRAPHY = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\xa0": " ", "\ufeff": None, "\0": None})
BULLET = re.compile(r"(?:^|\s)\* (oci-archive|docker-archive|docker|oci|dir): ")
MESSAGE = re.compile(r'\b(?:msg|error|err)="((?:[^"\\]|\\.){0,8192}+)"')
JSON_LINE = re.compile(r'\s*"[\w.]+":\s*"((?:[^"\\]|\\.)*+)"?,?\s*$')
BARE_QUOTE = re.compile(r'(?<!\\)"')
LOGFMT = re.compile(r"\b(?:level|msg)=")


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of text that may hold sentences.

    `line` counts from 1; `bullet` is the format that podman tried, or empty; `program` is who spoke, where the
    text around the piece tells, or empty.
    """

    text: str
    line: int
    bullet: str = ""
    program: str = ""


def split(text: str) -> list[Segment]:
    """Return the distinct pieces of `text` in order; only the last `LIMIT` characters are looked at."""
    text = ANSI.sub("", text[-LIMIT:]).translate(TYPOGRAPHY)
    found: dict[tuple[str, str], Segment] = {}
    for number, line in enumerate(NEWLINE.split(text), 1):
        speaker = find_speaker(line[:WINDOW])
        for piece in unwrap(line, DEPTH):
            for bullet, part in split_bullets(piece):
                program = "podman" if bullet else speaker
                found.setdefault((part, bullet), Segment(part, number, bullet, program))
    return list(found.values())


def split_bullets(line: str) -> Iterator[tuple[str, str]]:
    """Yield (format, text) for every bullet of podman on the line, ("", text) for what is no bullet."""
    start, bullet = 0, ""
    for found in BULLET.finditer(line):
        if line[start : found.start()].strip():
            yield bullet, line[start : found.start()] + " "
        start, bullet = found.end(), found[1]
    if line[start:].strip():
        yield bullet, line[start:]


def unwrap(text: str, depth: int) -> Iterator[str]:
    """Yield the plain pieces of one line."""
    if depth and "{" in text:
        strings, rest = extract_json(text)
        if strings:
            for string in strings:
                for line in NEWLINE.split(string):
                    if line.strip():
                        yield from unwrap(line, depth - 1)
            text = rest
    messages = [found[1] for found in MESSAGE.finditer(text)] if LOGFMT.search(text) else []
    if part := JSON_LINE.match(text):
        messages = [part[1]]
    lines = NEWLINE.split("\n".join(unescape(message) for message in messages)) if messages else [text]
    for line in lines:
        bare = line if BARE_QUOTE.search(line) else line.replace('\\"', '"')
        yield from cut_windows(bare.strip())


def cut_windows(line: str) -> Iterator[str]:
    """Yield the line, in overlapping windows if it is very long; the blank at the end closes a `wrapper: `."""
    for start in range(0, len(line), WINDOW - OVERLAP):
        yield line[start : start + WINDOW] + " "


def extract_json(text: str) -> tuple[list[str], str]:
    """Return the strings of the JSON objects in `text`, and the text without those objects."""
    decoder = json.JSONDecoder()
    strings: list[str] = []
    rest, start, attempts = "", 0, 0
    while (brace := text.find("{", start)) >= 0 and attempts < OBJECTS:
        rest += text[start:brace]
        try:
            value, end = decoder.raw_decode(text, brace)
        except (ValueError, RecursionError):
            rest, end, attempts = rest + "{", brace + 1, attempts + 1
        else:
            strings.extend(collect_strings(value))
        start = end
    return strings[:STRINGS], rest + text[start:]


def collect_strings(value: object) -> list[str]:
    """Return the strings inside a JSON value, without recursion: the depth is the sender's choice."""
    found: list[str] = []
    pending = [value]
    while pending and len(found) < STRINGS:
        item = pending.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            pending.extend(reversed(item.values()))
        elif isinstance(item, list):
            pending.extend(reversed(item))
    return found


def find_speaker(line: str) -> str:
    """Return the program that the frame of the line names, or nothing."""
    if re.match(r"\s*(?:\S+ )?ctr: ", line):
        return "ctr"
    if "Error response from daemon:" in line or '"errorDetail"' in line:
        return "docker"
    return "skopeo" if re.search(r"\blevel=fatal msg=", line) else ""
