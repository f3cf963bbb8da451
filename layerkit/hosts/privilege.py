"""sudo in front of every program, with its password on standard input where it wants one (sudo(8), `-S`)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence

from ..digest import CHUNK
from ..errors import AccessDenied, Unreachable
from .asking import Ask, Question, answers
from .shell import Process, Shell

_PATIENCE = 15.0
"""Seconds in which sudo has to ask."""


class Sudo(Shell):
    """Another shell, its programs run as root.

    The password is held in memory as long as the connection, since every call needs it, and goes only to a sudo that
    has asked for it: where none asks, the program would read it as its input.
    """

    def __init__(self, shell: Shell, password: str = "") -> None:
        self._shell, self.__password = shell, password

    def __repr__(self) -> str:
        return f"<Sudo {self.name}>"

    @property
    def beneath(self) -> Shell:
        """The shell that sudo is run on."""
        return self._shell

    @property
    def name(self) -> str:
        return self._shell.name

    def start(self, argv: Sequence[str]) -> Process:
        if not self.__password:
            return self._shell.start(["sudo", "-n", "--", *argv])
        token, asking = _asking(argv)
        return _await_prompt(self._shell.start(asking), token, self.__password, self.name)

    def start_on(self, path: str, argv: Sequence[str]) -> Process:
        """The file is opened by who logged in, so that sudo need allow the program alone."""
        if not self.__password:
            return self._shell.start_on(path, ["sudo", "-n", "--", *argv])
        token, asking = _asking(argv)
        process = self._shell.start(["sh", "-c", _AFTER_PASSWORD, "sh", path, *asking])
        return _await_prompt(process, token, self.__password, self.name)

    def close(self) -> None:
        self._shell.close()


_AFTER_PASSWORD = 'file=$1; shift; cat - "$file" | "$@"'


def _asking(argv: Sequence[str]) -> tuple[bytes, list[str]]:
    # -k: a password is asked for even if one was given a moment ago, so that there is one way this goes.
    token = f"[{secrets.token_hex(8)}]"
    return token.encode(), ["sudo", "-k", "-S", "-p", token, "--", *argv]


def become_root(shell: Shell, argv: Sequence[str], ask: Ask) -> Shell:
    """A shell whose programs run as root; `argv` is a harmless one to try it on.

    Raises AccessDenied where sudo lets us not, NotFound where it is not there.
    """
    asked = shell.run(["sudo", "-k", "-n", "--", *argv])
    if asked.ok or "password" not in asked.stderr:
        if asked.exit == 1 and asked.stderr.startswith("sudo:"):
            raise AccessDenied(f"sudo on {shell.name}: {asked.complaint}")
        return Sudo(shell)
    for password in answers(ask, Question("sudo", f"Password for sudo on {shell.name}")):
        if not password or "\n" in password:
            continue
        root = Sudo(shell, password)
        tried = root.run(argv)
        if "incorrect password" not in tried.stderr and "try again" not in tried.stderr:
            if tried.exit == 1 and " not allowed to execute " in tried.stderr:
                raise AccessDenied(f"sudo on {shell.name}: {tried.complaint}")
            return root
    raise AccessDenied(
        f"sudo on {shell.name} wants a password, and none was accepted",
        hint="run it where it can be typed, or allow the runtime's program with NOPASSWD in sudoers",
    )


def _await_prompt(process: Process, token: bytes, password: str, name: str) -> Process:
    """Answer sudo's prompt on standard error, and hand the rest of that stream on."""
    seen = bytearray()
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(_PATIENCE, give_up)
    timer.start()
    try:
        while token not in seen and (data := process.read_error(CHUNK)):
            seen += data
    finally:
        timer.cancel()
    if late.is_set():
        process.close()
        raise Unreachable(
            f"sudo on {name} did not ask for the password within {_PATIENCE:.0f} seconds",
            hint="does sudoers want one for some of the runtime's commands only?",
        )
    if token not in seen:
        return _Prompted(process, bytes(seen))  # it ended without asking: refused, or done already
    before, _, after = bytes(seen).partition(token)
    process.write(password.encode() + b"\n")
    return _Prompted(process, before + after)


class _Prompted:
    """A process whose first words on standard error were read already."""

    def __init__(self, process: Process, first: bytes) -> None:
        self._process, self._first = process, first
        self.write, self.end_input, self.read = process.write, process.end_input, process.read
        self.wait, self.kill, self.close = process.wait, process.kill, process.close

    def read_error(self, size: int) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        return self._process.read_error(size)
