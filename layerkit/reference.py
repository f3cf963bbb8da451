"""Image references, parsed and normalised as Docker does (github.com/distribution/reference, `ParseNormalizedNamed`).

`redis:7` is short for `docker.io/library/redis:7`; the short form is what Docker calls familiar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .errors import UsageError
from .text import printable

DEFAULT_DOMAIN, DEFAULT_TAG = "docker.io", "latest"
_OFFICIAL, _OLD_DOMAIN = "library/", "index.docker.io"
_LIMIT, _NAME_LIMIT = 2048, 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_PART}(?:/{_PART})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PATH})(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_DIGEST_SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True, slots=True)
class Reference:
    """One image name, normalised: `domain` and `path` are never empty, `tag` and `digest` may be."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Normalise what a person or an archive wrote.

        Raises UsageError with the sentence that Docker prints for it.

        >>> str(Reference.parse("redis:7"))
        'docker.io/library/redis:7'
        >>> Reference.parse("localhost:5000/shop/app").familiar
        'localhost:5000/shop/app'
        """
        if len(text) > _LIMIT:
            raise _refused(text, "invalid reference format")
        if _IDENTIFIER.fullmatch(text):
            raise _refused(text, f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
        domain, rest = _split(text)
        name = rest.partition(":")[0]
        if name.lower() != name:
            raise _refused(text, f"invalid reference format: repository name ({printable(name)}) must be lowercase")
        match = _REFERENCE.fullmatch(f"{domain}/{rest}")
        if match is None or match["domain"] is None:
            raise _refused(text, "invalid reference format")
        if len(match["path"]) > _NAME_LIMIT:
            raise _refused(text, f"repository name must not be more than {_NAME_LIMIT} characters")
        digest = match["digest"] or ""
        if digest:
            _check_digest(text, digest)
        return cls(match["domain"], match["path"], match["tag"] or "", digest)

    @property
    def name(self) -> str:
        """Domain and path, without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """The short form: without `docker.io/` and, for official images, without `library/`."""
        name = self.name
        if self.domain == DEFAULT_DOMAIN:
            official = self.path.removeprefix(_OFFICIAL)
            name = self.path if "/" in official else official
        return self._with_rest(name)

    def tagged(self) -> Reference:
        """The same with the tag `latest` where it names neither a tag nor a digest (`TagNameOnly`)."""
        return self if self.tag or self.digest else replace(self, tag=DEFAULT_TAG)

    def _with_rest(self, name: str) -> str:
        return name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self._with_rest(self.name)


def _split(text: str) -> tuple[str, str]:
    """Part the domain from the rest: it has a dot, a colon or an upper-case letter, or is localhost."""
    first, slash, rest = text.partition("/")
    if not slash or not (set(first) & {".", ":"} or first == "localhost" or first.lower() != first):
        first, rest = DEFAULT_DOMAIN, text
    if first == _OLD_DOMAIN:
        first = DEFAULT_DOMAIN
    if first == DEFAULT_DOMAIN and "/" not in rest:
        rest = _OFFICIAL + rest
    return first, rest


def _check_digest(text: str, digest: str) -> None:
    """As opencontainers/go-digest `Validate`: a known algorithm, and its length in lower-case hex."""
    algorithm, _, value = digest.partition(":")
    if algorithm not in _DIGEST_SIZES:
        raise _refused(text, "unsupported digest algorithm")
    if len(value) != _DIGEST_SIZES[algorithm]:
        raise _refused(text, "invalid checksum digest length")
    if value.lower() != value:
        raise _refused(text, "invalid checksum digest format")


def _refused(text: str, why: str) -> UsageError:
    return UsageError(why, hint=f'"{printable(text, 80)}" should read [DOMAIN/]PATH[:TAG][@DIGEST]')
