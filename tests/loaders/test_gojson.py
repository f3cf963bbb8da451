"""The words of Go's encoding/json, as Go itself prints them."""

from __future__ import annotations

import pytest

from layerkit.loaders import gojson
from layerkit.loaders.gojson import TEXT, decode, list_of, mistyped, pick, struct
from layerkit.loaders.goscanner import complain

WORDS = [
    (b"hello", "invalid character 'h' looking for beginning of value"),
    (b"this", "invalid character 'h' in literal true (expecting 'r')"),
    (b"not json", "invalid character 'o' in literal null (expecting 'u')"),
    (b"fall", "invalid character 'l' in literal false (expecting 's')"),
    (b"\x1f\x8b\x08", "invalid character '\\x1f' looking for beginning of value"),
    (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value"),
    (b"'a'", "invalid character '\\'' looking for beginning of value"),
    (b'{"a" 1}', "invalid character '1' after object key"),
    (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
    (b"{a:1}", "invalid character 'a' looking for beginning of object key string"),
    (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
    (b"[1 2]", "invalid character '2' after array element"),
    (b"[1,]", "invalid character ']' looking for beginning of value"),
    (b'"\x01"', "invalid character '\\x01' in string literal"),
    (b'"\\x"', "invalid character 'x' in string escape code"),
    (b'"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
    (b"-x", "invalid character 'x' in numeric literal"),
    (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
    (b"1ex", "invalid character 'x' in exponent of numeric literal"),
    (b"NaN", "invalid character 'N' looking for beginning of value"),
]


@pytest.mark.parametrize(("raw", "words"), WORDS)
def test_words(raw: bytes, words: str) -> None:
    assert decode(raw)[1] == words
    assert decode(raw, stream=True)[1] == words


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"tru", "invalid character ' ' in literal true (expecting 'e')"),
        (b"-", "invalid character ' ' in numeric literal"),
        (b"1.", "invalid character ' ' after decimal point in numeric literal"),
        (b'"\\', "invalid character ' ' in string escape code"),
        (b'["\\u12', "invalid character ' ' in \\u hexadecimal character escape"),
    ],
)
def test_the_end_counts_as_a_blank(raw: bytes, words: str) -> None:
    assert decode(raw)[1] == words
    assert decode(raw, stream=True)[1] == "unexpected EOF"


@pytest.mark.parametrize("raw", [b"[1,2", b'{"a":', b'"abc', b'{"a":{"b":['])
def test_an_early_end(raw: bytes) -> None:
    assert decode(raw)[1] == "unexpected end of JSON input"
    assert decode(raw, stream=True)[1] == "unexpected EOF"


def test_nothing_at_all() -> None:
    assert decode(b" \n")[1] == "unexpected end of JSON input"
    assert decode(b"", stream=True)[1] == "EOF"


def test_what_follows_a_value() -> None:
    assert decode(b"[] GARBAGE")[1] == "invalid character 'G' after top-level value"
    assert decode(b"[] GARBAGE", stream=True) == ([], "")


def test_depth_is_bounded_and_does_not_recurse() -> None:
    assert complain(b"[" * 20_000, stream=False) == "exceeded max depth"
    assert complain(b"[" * 9_000 + b"]" * 9_000, stream=False) == ""


def test_wrong_types() -> None:
    item = struct("tarexport.manifestItem", Config=TEXT, Layers=list_of(TEXT))
    items = list_of(item)
    assert mistyped({}, items) == "json: cannot unmarshal object into Go value of type []tarexport.manifestItem"
    assert mistyped([1], items) == "json: cannot unmarshal number into Go value of type tarexport.manifestItem"
    assert (
        mistyped([{"layers": "x"}], items)
        == "json: cannot unmarshal string into Go struct field manifestItem.Layers of type []string"
    )
    assert (
        mistyped([{"Layers": ["x", True]}], items)
        == "json: cannot unmarshal bool into Go struct field manifestItem.Layers of type string"
    )
    assert mistyped([None, {"Config": None, "Other": 1}], items) == ""


def test_keys_are_matched_without_regard_to_case() -> None:
    assert pick({"Layers": [1], "layers": [2]}, "Layers") == [2]
    assert pick({"LAYERS": 3}, "layers") == 3
    assert pick([], "x") is None


def test_numbers_of_any_length() -> None:
    value, error = gojson.decode(b"1" * 100_000)
    assert error == ""
    assert value == float("inf")
