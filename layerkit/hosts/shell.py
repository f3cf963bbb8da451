"""Programs on some machine: started from argument lists, fed and read as streams, their ends awaited."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, cast

from ..digest import CHUNK
from ..errors import FormatError, LayerkitError, NotFound, SourceError, Unreachable, UsageError
from ..text import flatten

LIMIT = 64 << 20
"""Bytes of one program's output that are kept."""
_ERRORS = 64 << 10
_ON_FILE = 'file=$1; shift; exec "$@" < "$file"'
ANSWER = 120.0
"""Seconds in which a program that only looks something up has to be done."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended and what it said; `stdout` is whole, `stderr` at most its last 64 KiB."""

    exit: int
    stdout: bytes = field(repr=False)
    stderr: str

    @property
    def ok(self) -> bool:
        return self.exit == 0

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last thing it said, on one line."""
        said = (self.stderr.strip() or self.text[-2000:].strip()).splitlines()
        return flatten(said[-1], 300) if said else f"nothing, exit {self.exit}"


class Process(Protocol):
    """A running program. Reads give b"" at the end; a write to one that reads no more raises BrokenPipeError."""

    def write(self, data: bytes) -> None: ...
    def end_input(self) -> None: ...
    def read(self, size: int) -> bytes: ...
    def read_error(self, size: int) -> bytes: ...
    def wait(self) -> int:
        """Its exit code. Raises Unreachable where the connection to it was lost."""

    def kill(self) -> None:
        """Let it go: it sees its streams end, and is stopped where that is in our power."""

    def close(self) -> None: ...


class Shell(ABC):
    """Starts programs on one machine. Arguments reach a program as they are, whatever is in them."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The machine, as a person calls it."""

    @abstractmethod
    def start(self, argv: Sequence[str]) -> Process:
        """Raises NotFound where the program is not there, where that can be told at once."""

    @abstractmethod
    def close(self) -> None: ...

    def start_on(self, path: str, argv: Sequence[str]) -> Process:
        """The same with a file of that machine as the program's input, read with this shell's own rights."""
        return self.start(["sh", "-c", _ON_FILE, "sh", path, *argv])

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] | None = None,
        file: str = "",
        timeout: float | None = ANSWER,
        limit: int = LIMIT,
    ) -> Result:
        """Run a program to its end.

        Parameters
        ----------
        stdin
            What it reads; chunks are taken as fast as it reads them. If taking one raises, the program is stopped.
        file
            A file of that machine that it reads instead.
        timeout
            Seconds until it has to be done; None for as long as the connection holds.
        limit
            Bytes of output at most.

        Raises Unreachable where the connection is lost or the time is over, FormatError where it says too much.
        """
        process = self.start_on(file, argv) if file else self.start(argv)
        out, err = _Kept(limit), _Kept(_ERRORS, last=True)
        readers = [
            threading.Thread(target=out.fill, args=(process.read,), daemon=True),
            threading.Thread(target=err.fill, args=(process.read_error,), daemon=True),
        ]
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(timeout, give_up) if timeout is not None else None
        for thread in (*readers, *([timer] if timer else ())):
            thread.start()
        try:
            with suppress(BrokenPipeError):  # it ended without reading on: its exit code says why
                for chunk in [stdin] if isinstance(stdin, bytes) else stdin or ():
                    process.write(chunk)
            with suppress(BrokenPipeError):
                process.end_input()
            for thread in readers:
                thread.join()
            code = process.wait()
        except BaseException:
            process.kill()
            for thread in readers:
                thread.join(5)
            if late.is_set():
                raise self._late(argv, timeout) from None
            raise
        finally:
            if timer:
                timer.cancel()
            process.close()
        if late.is_set():
            raise self._late(argv, timeout)
        if out.over:
            raise FormatError(f"{argv[0]} on {self.name} said more than {limit >> 20} MiB; not read")
        return Result(code, bytes(out.data), err.data.decode("utf-8", "replace"))

    def _late(self, argv: Sequence[str], timeout: float | None) -> Unreachable:
        return Unreachable(
            f"{argv[0]} on {self.name} was not done after {timeout:.0f} seconds",
            hint="is the daemon there stuck, or the connection dead?",
        )

    @contextmanager
    def read(self, argv: Sequence[str], failure: Callable[[Result], LayerkitError] | None = None) -> Iterator[BinaryIO]:
        """A program's output as a stream. Where it fails, the read at its end raises what `failure` makes of that."""
        process = self.start(argv)
        err = _Kept(_ERRORS, last=True)
        thread = threading.Thread(target=err.fill, args=(process.read_error,), daemon=True)
        thread.start()

        def finish() -> None:
            thread.join()
            if code := process.wait():
                result = Result(code, b"", err.data.decode("utf-8", "replace"))
                if failure is not None:
                    raise failure(result)
                raise SourceError(f"{argv[0]} on {self.name} failed: {result.complaint}")

        try:
            with suppress(BrokenPipeError):
                process.end_input()
            yield cast("BinaryIO", _Output(process, finish))
        finally:
            process.kill()
            thread.join(5)
            process.close()


class _Kept:
    """What comes out of a stream, up to a limit: its beginning, or its end."""

    def __init__(self, limit: int, *, last: bool = False) -> None:
        self.data = bytearray()
        self.over = False
        self._limit, self._last = limit, last

    def fill(self, read: Callable[[int], bytes]) -> None:
        while data := read(CHUNK):
            if self._last:
                self.data = (self.data + data)[-self._limit :]
            elif len(self.data) + len(data) > self._limit:
                self.over = True
            else:
                self.data += data


class _Output(io.RawIOBase):
    def __init__(self, process: Process, finish: Callable[[], None]) -> None:
        self._process, self._finish = process, finish

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return self.readall()
        data = self._process.read(size)
        if not data:
            self._finish()
        return data


class Local(Shell):
    """This machine."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self._env = dict(env or {})

    @property
    def name(self) -> str:
        return "this machine"

    def start(self, argv: Sequence[str]) -> Process:
        check(argv)
        try:
            return _Child(
                subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    env={**os.environ, **self._env},
                    start_new_session=True,  # so that Ctrl-C reaches us first, and all of it can be stopped
                )
            )
        except FileNotFoundError:
            raise NotFound(f"{argv[0]} is not installed on this machine") from None
        except OSError as error:
            raise SourceError(f"{argv[0]} cannot be started: {error.strerror}") from error

    def close(self) -> None:
        pass


class _Child:
    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._in = cast("BinaryIO", popen.stdin)
        self._out, self._err = cast("BinaryIO", popen.stdout), cast("BinaryIO", popen.stderr)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._in.write(view) :]

    def end_input(self) -> None:
        self._in.close()

    def read(self, size: int) -> bytes:
        return self._out.read(size)

    def read_error(self, size: int) -> bytes:
        return self._err.read(size)

    def wait(self) -> int:
        return self._popen.wait()

    def kill(self) -> None:
        if self._popen.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def close(self) -> None:
        for pipe in (self._in, self._out, self._err):
            with suppress(OSError):
                pipe.close()
        self._popen.wait()


def check(argv: Sequence[str]) -> None:
    """An argument list that can be passed on at all. Raises UsageError."""
    if not argv or any("\0" in part for part in argv):
        raise UsageError("a program's arguments must not be empty or hold zero bytes")
