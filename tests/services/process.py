"""Running programs and daemons so that none of them outlives the test session.

A daemon that needs root runs in a mount and a PID namespace of its own: every mount it makes vanishes with
it, and the kernel kills all its descendants with it. So nothing is left running or mounted even when pytest
is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program did: its exit code and both of its streams, undecodable bytes replaced."""

    exit: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.exit == 0

    @property
    def text(self) -> str:
        """Both streams together, for messages that move from one to the other between versions."""
        return self.stdout + self.stderr

    def expect(self) -> Outcome:
        """This outcome, or an AssertionError with what the program said."""
        assert self.exit == 0, f"exit {self.exit}: {self.text.strip()[-2000:]}"
        return self


def run(
    argv: Sequence[str | Path],
    *,
    stdin: Path | bytes | None = None,
    stdout: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> Outcome:
    """Run a program to its end; `stdin` and `stdout` may be files (then `Outcome.stdout` is empty)."""
    with contextlib.ExitStack() as files:
        source = files.enter_context(stdin.open("rb")) if isinstance(stdin, Path) else None
        target = files.enter_context(stdout.open("wb")) if stdout else None
        process = files.enter_context(
            subprocess.Popen(
                [str(part) for part in argv],
                stdin=source or (subprocess.PIPE if isinstance(stdin, bytes) else subprocess.DEVNULL),
                stdout=target or subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **(env or {})},
                preexec_fn=_die_with_parent,
            )
        )
        try:
            out, err = process.communicate(stdin if isinstance(stdin, bytes) else None, timeout)
        except BaseException:
            process.kill()
            raise
    return Outcome(process.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace"))


def isolate(argv: Sequence[str | Path], *, pids: bool = False) -> list[str]:
    """The same command in a mount namespace of its own, and in a PID namespace too where `pids` is set."""
    namespaces = ["--mount", "--propagation", "private"]
    if pids:
        namespaces += ["--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["unshare", *namespaces, "--", *map(str, argv)]


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon; `pid` is the daemon itself, also where a wrapper stands between it and us."""

    pid: int
    log: Path


@contextlib.contextmanager
def daemon(
    argv: Sequence[str | Path],
    *,
    log: Path,
    ready: Callable[[], bool],
    isolated: bool = False,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> Iterator[Daemon]:
    """Start a daemon, wait until `ready()`, stop it by its pid; if it never gets ready: `unavailable`."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            isolate(argv, pids=True) if isolated else [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    try:
        _wait_until_ready(process, Path(str(argv[0])).name, ready, log, timeout)
        yield Daemon(_first_child(process.pid) if isolated else process.pid, log)
    finally:
        _stop(process, isolated=isolated)


def free_port() -> int:
    """A TCP port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def private_root(name: str) -> Iterator[Path]:
    """A temporary folder with a short path (a unix socket's path holds 107 bytes), removed at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"lk-{name}-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        assert not path.exists(), f"left behind: {path}"


def unavailable(reason: str) -> NoReturn:
    """Skip the test and say why; on CI a service that is missing is a failure."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"CI must have every service: {reason}", pytrace=False)
    pytest.skip(reason)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_until_ready(
    process: subprocess.Popen[bytes], name: str, ready: Callable[[], bool], log: Path, timeout: float
) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if process.poll() is not None:
            unavailable(f"{name} does not start here (exit {process.returncode}): {_last_line(log)}")
        if ready():
            return
        time.sleep(0.1)
    unavailable(f"{name} was not ready after {timeout:.0f} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][-300:] if lines else "it printed nothing"


def _first_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _stop(process: subprocess.Popen[bytes], *, isolated: bool) -> None:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError, IndexError):
        # unshare itself ignores SIGTERM; its child is the daemon.
        os.kill(_first_child(process.pid) if isolated else process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
