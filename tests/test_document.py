from __future__ import annotations

import time

import pytest

from layerkit.document import LIMIT, Document, field_of, number_of, strings_of, text_of, texts_of


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"[{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" + b"0," * LIMIT, "larger than 4 MiB"),
    ],
)
def test_faults_are_data(raw: bytes, fault: str) -> None:
    assert Document.parse(raw).fault.startswith(fault)


def test_the_first_value_counts_and_the_rest_is_told() -> None:
    document = Document.parse(b" [1] garbage")
    assert (document.value, document.trailing, document.fault) == ([1], True, "")
    assert not Document.parse(b"\xef\xbb\xbf{}\n").trailing


def test_a_megabyte_of_digits_takes_no_time() -> None:
    start = time.perf_counter()
    assert Document.parse(b"9" * 1_000_000).value == float("inf")
    assert time.perf_counter() - start < 5


def test_fields_match_as_in_go() -> None:
    doc = {"layers": 1, "Layers": 2, "CONFIG": "c", "n": True}
    assert field_of(doc, "Layers") == 2
    assert text_of(doc, "Config") == "c"
    assert field_of(doc, "absent") is None
    assert number_of(doc, "n") is None
    assert strings_of(["a", 1]) is None
    assert texts_of({"a": "b", "c": 1}) == {"a": "b"}
