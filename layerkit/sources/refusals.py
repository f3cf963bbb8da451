"""What to say when a registry gives no answer, or another than was asked for: one clear sentence, and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from ..document import Document, field_of, text_of
from ..errors import AccessDenied, NotFound, SourceError, Unreachable
from ..text import flatten, printable
from .transport import Answer, ConnectionFailed

ERROR_LIMIT = 64 << 10
"""Bytes of an error's body that are read at most."""


def refusal(
    answer: Answer, what: str, host: str, *, advice: str = "", secrets: Iterable[str] = (), wait: float = 0
) -> SourceError:
    """The error for an answer that is none, whose body is read here: what, where, the status, the registry's words.

    `secrets` are taken out of those words, since a server may repeat what it was sent; `advice` is for denied access,
    `wait` what the server asked for.
    """
    try:
        own = _words(answer.read(ERROR_LIMIT))
    except ConnectionFailed:
        own = ""
    for secret in secrets:
        own = own.replace(secret, "***") if len(secret) > 3 else own
    status = answer.status
    name = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    told = f"{status} {name}".rstrip() + (f" ({own})" if own else "")
    where = f"{printable(answer.host, 100)}, to which {host} redirects," if answer.redirected else host
    if status == 404:
        return NotFound(f"{where} has no {what}: {told}", hint="check the repository's name, the tag or digest")
    if status in (401, 403):
        return AccessDenied(f"{where} denies access to {what}: {told}", hint=advice)
    if status == 429:
        pause = f" for {wait:,.0f} s" if wait else ""
        hint = f"wait{pause}, log in (docker login {host}), or use a mirror"
        return Unreachable(f"{where} wants no more requests for now, asked for {what}: {told}", hint=hint)
    if status >= 500 or status == 408:
        return Unreachable(f"{where} failed to give {what}: {told}", hint="the fault is at its side; try later")
    return SourceError(f"{where} has an unexpected answer for {what}: {told}")


def unreachable(failure: ConnectionFailed, what: str, host: str, attempts: int) -> Unreachable:
    """The error for a connection that failed for good."""
    hint = {
        "untrusted": f"name its authority with --ca FILE, or put it into /etc/docker/certs.d/{host}/ca.crt",
        "no-tls": "--insecure allows plain HTTP",
        "name": "check the name, DNS, or the proxy settings (HTTPS_PROXY, NO_PROXY)",
        "refused": "check host and port, and that the registry runs",
        "timeout": "check the network, a firewall, or the proxy settings (HTTPS_PROXY, NO_PROXY)",
        "proxy": "check HTTPS_PROXY and NO_PROXY, and the user and password of the proxy",
    }.get(failure.kind, "")
    tried = f", {attempts} times" if attempts > 1 else ""
    return Unreachable(f"{host} cannot be reached for {what}: {failure.reason}{tried}", hint=hint)


def _words(body: bytes) -> str:
    """What a registry says of its error: code and message (distribution-spec, "Error Codes"), else its first line."""
    value = Document.parse(body, limit=ERROR_LIMIT).value
    errors = field_of(value, "errors") if isinstance(value, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    words = ": ".join(filter(None, (text_of(first, "code"), text_of(first, "message"))))
    if not words and isinstance(value, dict):
        words = text_of(value, "details") or text_of(value, "message")
    if not words and body.lstrip()[:1] not in (b"<", b"{", b"["):
        words = body[:400].decode("utf-8", "replace")
    return flatten(words, 200)
