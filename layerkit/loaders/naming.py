"""Image names as distribution/reference reads them (reference.go, normalize.go), with what it says of wrong ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..messages import containers_image as say
from ..messages import copies, others

_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"{_HOST}(?:\.{_HOST})*(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:(?P<domain>{_DOMAIN})/)?{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_LONGEST = 255
"""Bytes of a name without tag and digest (`NameTotalLengthMax`); nothing longer than `_SANE` is matched at all."""
_SANE = 4096
_HUB = "docker.io"

INVALID = others.REFERENCE_FORMAT.format()
UPPER = others.REFERENCE_UPPER.format()


class InvalidName(Exception):
    """Why a text is no image name, in the library's words."""


@dataclass(frozen=True, slots=True)
class Name:
    repository: str
    domain: str = ""
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Name:
    """`reference.Parse`: a name as written, nothing filled in. Raises InvalidName."""
    found = _REFERENCE.fullmatch(text) if len(text) < _SANE else None
    if found is None:
        if not text:
            raise InvalidName(others.REFERENCE_EMPTY.format())
        lower = len(text) < _SANE and _REFERENCE.fullmatch(text.lower())
        raise InvalidName(UPPER if lower else INVALID)
    if len(found["name"]) > _LONGEST:
        raise InvalidName(others.REFERENCE_LONG.format(limit=_LONGEST))
    if found["digest"] and (fault := digest_fault(found["digest"])):
        raise InvalidName(fault)
    return Name(found["name"], found["domain"] or "", found["tag"] or "", found["digest"] or "")


def parse_normalized(text: str) -> Name:
    """`reference.ParseNormalizedNamed`: with docker.io and library/ filled in. Raises InvalidName."""
    if _IDENTIFIER.fullmatch(text):
        raise InvalidName(others.REFERENCE_HEX.format(name=text))
    first, slash, rest = text.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost"):
        domain, rest = _HUB, text
    else:
        domain = _HUB if first == "index.docker.io" else first
    if domain == _HUB and "/" not in rest:
        rest = f"library/{rest}"
    if (path := rest.partition(":")[0]).lower() != path:
        raise InvalidName(others.REFERENCE_CASE_OLD.format())
    return parse(f"{domain}/{rest}")


def normalize_local(text: str) -> Name:
    """`NormalizeName` of containers/common (libimage/normalize.go): localhost/ where no registry is named."""
    try:
        domain = parse(text).domain
    except InvalidName as error:
        raise InvalidName(copies.NORMALIZING.format(name=text) + str(error)) from None
    if not (set(domain) & set(".:") or domain == "localhost"):
        text = "localhost/" + text.lstrip("/")
    return parse_normalized(text)


@lru_cache(maxsize=4096)
def digest_fault(text: str) -> str:
    """What go-digest's `Digest.Validate` says of a text that is no digest; empty for one that is."""
    algorithm, colon, encoded = text.partition(":")
    if not (algorithm and colon and encoded):
        return say.INVALID_CHECKSUM.format()
    if algorithm not in _HEX_DIGITS:
        return say.CHECKSUM_ALGORITHM.format() if _DIGEST.fullmatch(text) else say.INVALID_CHECKSUM.format()
    if len(encoded) != _HEX_DIGITS[algorithm]:
        return say.CHECKSUM_LENGTH.format()
    return "" if _HEX.fullmatch(encoded) else say.INVALID_CHECKSUM.format()


_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX = re.compile(r"[a-f0-9]+")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
