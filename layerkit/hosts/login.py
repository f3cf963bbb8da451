"""Proving who we are to an SSH server: agent, keys, answers typed by a person. Nothing secret is kept."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import paramiko
from paramiko.agent import AgentKey, AgentSSH

from ..errors import AccessDenied, Unreachable
from ..text import flatten
from .address import Endpoint
from .asking import Ask, Question, answers


def authenticate(transport: paramiko.Transport, endpoint: Endpoint, ask: Ask) -> None:
    """Log in by what the server offers: public keys first, then a password or its own questions.

    Raises AccessDenied where nothing is accepted, saying what was tried.
    """
    tried: list[str] = []
    try:
        offered = _offered(transport, endpoint.user)
        if offered is None:
            return
        if "publickey" in offered:
            with _agent(endpoint) as held:
                more = _by_keys(transport, endpoint, _keys(endpoint, held, ask, tried), tried)
            if more == []:
                return
            offered = more or offered
        if _by_answers(transport, endpoint, ask, offered, tried):
            return
    except (paramiko.SSHException, EOFError, OSError) as error:
        if isinstance(error, paramiko.AuthenticationException) and transport.is_active():
            raise _denied(endpoint, tried) from None
        raise Unreachable(
            f"{endpoint.name} closed the connection during the login: {flatten(str(error)) or 'no reason given'}",
            hint=f"tried {', '.join(tried)}" if tried else "",
        ) from None
    raise _denied(endpoint, tried)


def _denied(endpoint: Endpoint, tried: list[str]) -> AccessDenied:
    return AccessDenied(
        f"{endpoint.name} lets nobody in by {', '.join(tried) or 'anything that is at hand'}",
        hint=f"does `ssh {endpoint.name}` work here? Name a key by IdentityFile, or keep it in an agent",
    )


def _offered(transport: paramiko.Transport, user: str) -> list[str] | None:
    """The methods that a server takes; None where it takes anybody."""
    try:
        transport.auth_none(user)
    except paramiko.BadAuthenticationType as error:
        return list(error.allowed_types)
    return None


def _attempt(log_in: Callable[[], list[str]]) -> list[str] | None:
    """What more is wanted after this step ([] for nothing), None where it was not accepted."""
    try:
        return log_in()
    except paramiko.AuthenticationException:
        return None


def _by_keys(
    transport: paramiko.Transport, endpoint: Endpoint, keys: Iterator[tuple[str, paramiko.PKey]], tried: list[str]
) -> list[str] | None:
    """What is wanted after the first key that is accepted ([] for nothing more), None where none is."""
    for what, key in keys:
        tried.append(what)
        if (more := _attempt(partial(transport.auth_publickey, endpoint.user, key))) is not None:
            return more
    return None


def _keys(
    endpoint: Endpoint, held: tuple[AgentKey, ...], ask: Ask, tried: list[str]
) -> Iterator[tuple[str, paramiko.PKey]]:
    """Keys in the order of OpenSSH: those of the agent (the named ones first), then files; locked files at the end."""
    public = {_public(path) for path in endpoint.identities} - {""}
    for key in sorted(held, key=lambda key: key.get_base64() not in public):
        if not endpoint.identities_only or key.get_base64() in public:
            yield f"the agent's {key.get_name()} key", key
    known = {key.get_base64() for key in held}
    locked: list[Path] = []
    for path in endpoint.identities:
        if not path.is_file() or _public(path) in known - {""}:
            continue
        try:
            yield f"the key {path}", paramiko.PKey.from_path(path)
        except (paramiko.PasswordRequiredException, TypeError):
            locked.append(path)
        except (paramiko.SSHException, ValueError, OSError):
            tried.append(f"the key {path} (which cannot be read)")
    for path in locked:
        for passphrase in answers(ask, Question("passphrase", f"Passphrase for {path}")):
            try:
                unlocked = paramiko.PKey.from_path(path, passphrase.encode())  # type: ignore[arg-type]
            except (paramiko.SSHException, ValueError, TypeError, OSError):
                continue
            yield f"the key {path}", unlocked
            break
        else:
            tried.append(f"the key {path} (locked by a passphrase)")


class _Agent(AgentSSH):
    """The agent behind a socket; paramiko's own class knows only that of SSH_AUTH_SOCK."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connect(connection)  # type: ignore[attr-defined]


@contextmanager
def _agent(endpoint: Endpoint) -> Iterator[tuple[AgentKey, ...]]:
    """The keys that an agent holds, which can sign as long as this lasts."""
    with socket.socket(socket.AF_UNIX) as connection:
        keys: tuple[AgentKey, ...] = ()
        if endpoint.agent is not None:
            connection.settimeout(endpoint.timeout)
            try:
                connection.connect(endpoint.agent)
                keys = _Agent(connection).get_keys()
            except (paramiko.SSHException, OSError):
                keys = ()  # the agent has gone, and left its name behind
        yield keys


def _public(path: Path) -> str:
    """The base64 part of the public key beside a private one."""
    try:
        words = path.with_name(f"{path.name}.pub").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return ""
    return words[1] if len(words) > 1 else ""


def _by_answers(
    transport: paramiko.Transport, endpoint: Endpoint, ask: Ask, offered: list[str], tried: list[str]
) -> bool:
    """Whether a password or answers to the server's questions let us in."""
    if "password" in offered:
        for password in answers(ask, Question("password", f"Password for {endpoint.name}")):
            if "a password" not in tried:
                tried.append("a password")
            more = _attempt(partial(transport.auth_password, endpoint.user, password, fallback=False))
            if more is not None:
                return not more or _by_answers(transport, endpoint, ask, [m for m in more if m != "password"], tried)
    elif "keyboard-interactive" in offered:
        return _interactive(transport, endpoint, ask, tried)
    return False


def _interactive(transport: paramiko.Transport, endpoint: Endpoint, ask: Ask, tried: list[str]) -> bool:
    silent = False

    def handler(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        nonlocal silent
        given = []
        for prompt, echo in prompts:
            words = flatten(f"{endpoint.name}: {title} {instructions} {prompt}").strip().rstrip(":")
            answer = ask(Question("answer", words, echo, attempt))
            silent = silent or answer is None
            given.append(answer or "")
        return given

    for attempt in range(1, 4):
        more = _attempt(lambda: transport.auth_interactive(endpoint.user, handler))
        if silent:
            return False
        if attempt == 1:
            tried.append("answers to its questions")
        if more is not None:
            return not more
    return False
