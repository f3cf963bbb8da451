"""What encoding/json and time of Go say of JSON or of a time that is none (scanner.go, time.go, format.go).

The more frequent of these sentences are in `golang`.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages import golang
from layerkit.messages.sentence import Sentence

JSON_KEY = replace(
    golang.INVALID_CHARACTER_PAIR,
    id="golang.json-invalid-key",
    text="invalid character {character} looking for beginning of object key string",
    means="A JSON file is damaged: {character} stands where the name of a field belongs, often after a comma.",
)
JSON_AFTER_KEY = replace(
    golang.INVALID_CHARACTER_PAIR,
    id="golang.json-invalid-after-key",
    text="invalid character {character} after object key",
    means="A JSON file is damaged: {character} stands where a colon belongs.",
)
JSON_ELEMENT = replace(
    golang.INVALID_CHARACTER_PAIR,
    id="golang.json-invalid-element",
    text="invalid character {character} after array element",
    means="A JSON file is damaged: {character} stands where a comma or a closing bracket belongs.",
)
JSON_STRING = replace(
    golang.INVALID_CHARACTER_PAIR,
    id="golang.json-invalid-string",
    text="invalid character {character} in string literal",
    means="A JSON file is damaged: a text in it holds {character}, which must be escaped; a closing quote may be lost.",
)
JSON_ESCAPE = replace(
    golang.INVALID_CHARACTER_PAIR,
    id="golang.json-invalid-escape",
    text="invalid character {character} in string escape code",
    means="A JSON file is damaged: {character} follows a backslash.",
)
JSON_HEX = replace(
    golang.INVALID_CHARACTER_PAIR,
    id="golang.json-invalid-hex",
    text="invalid character {character} in \\u hexadecimal character escape",
    means="A JSON file is damaged: {character} stands among the four digits behind \\u.",
)
JSON_NUMBER = replace(
    golang.INVALID_CHARACTER_PAIR,
    id="golang.json-invalid-number",
    text="invalid character {character} in numeric literal",
    means="A JSON file is damaged: {character} stands where a digit belongs.",
)
JSON_DECIMAL = replace(
    JSON_NUMBER,
    id="golang.json-invalid-decimal",
    text="invalid character {character} after decimal point in numeric literal",
)
JSON_EXPONENT = replace(
    JSON_NUMBER,
    id="golang.json-invalid-exponent",
    text="invalid character {character} in exponent of numeric literal",
)
JSON_DEPTH = replace(
    golang.JSON_END,
    id="golang.json-depth",
    text="exceeded max depth",
    means="A JSON file nests more than 10,000 levels deep; no image tool writes such a file.",
    causes=("corrupt-copy",),
    whole=True,
)
TIME_STRING = Sentence(
    id="golang.time-no-string",
    text="Time.UnmarshalJSON: input is not a JSON string",
    said_by=golang.ANY,
    means="In a JSON file a field for a time (created) holds something else.",
    kind="format",
    codes=("LK210",),
    next="Diagnose the archive: it names the config.",
)
TIME_PARSE = replace(
    TIME_STRING,
    id="golang.time-unreadable",
    text="parsing time {time:q} as {layout:q}: cannot parse {rest:q} as {part:q}",
    means="In a JSON file the time {time} cannot be read from {rest} on.",
    fields={
        "time": "the time as it is written",
        "layout": "how Go writes times",
        "rest": "what was left to read",
        "part": "the part of the layout that was due",
    },
)
TIME_RANGE = replace(
    TIME_STRING,
    id="golang.time-range",
    text="parsing time {time:q}: {part:w} out of range",
    means="In a JSON file the time {time} has a {part} that does not exist.",
    fields={"time": "the time as it is written", "part": "month, day, hour or minute"},
)
TIME_EXTRA = replace(
    TIME_STRING,
    id="golang.time-extra",
    text="parsing time {time:q}: extra text: {rest:q}",
    means="In a JSON file the time {time} goes on after its end.",
    fields={"time": "the time as it is written", "rest": "what follows the time"},
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
