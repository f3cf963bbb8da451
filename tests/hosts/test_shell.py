"""Programs here and over SSH: the same contract for both."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest

from layerkit.errors import FormatError, NotFound, SourceError, Unreachable, UsageError
from layerkit.hosts import Local, Shell
from layerkit.hosts.shell import Result

HOSTILE = [
    "$(touch /tmp/pwned)",
    "`id`",
    "a b",
    "'",
    '"',
    "\\",
    "; echo x",
    "-n",
    "*",
    "~",
    "a\nb",
    "",
    "é",
    "!!",
    "$HOME",
]


def test_arguments_arrive_as_they_are(shell: Shell) -> None:
    result = shell.run(["printf", "%s\\0", *HOSTILE])
    assert result.ok
    assert result.stdout == b"".join(word.encode() + b"\0" for word in HOSTILE)


def test_exit_code_and_both_streams(shell: Shell) -> None:
    result = shell.run(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (result.exit, result.stdout, result.stderr) == (7, b"out\n", "err\n")
    assert result.complaint == "err"


def test_input_is_streamed(shell: Shell) -> None:
    chunk = bytes(range(256)) * 4096

    def chunks() -> Iterator[bytes]:
        for _ in range(12):
            yield chunk

    result = shell.run(["sha256sum"], stdin=chunks())
    assert result.text.split()[0] == hashlib.sha256(chunk * 12).hexdigest()


def test_a_program_that_reads_no_further_is_no_error_of_ours(shell: Shell) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1 << 20)

    result = shell.run(["sh", "-c", "head -c 10 > /dev/null; echo had enough >&2; exit 3"], stdin=endless())
    assert (result.exit, result.complaint) == (3, "had enough")
    assert taken < 100


def test_input_that_fails_stops_the_program(shell: Shell) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise SourceError("the disk is gone")

    with pytest.raises(SourceError, match="the disk is gone"):
        shell.run(["cat"], stdin=broken())


def test_output_is_bounded(shell: Shell) -> None:
    with pytest.raises(FormatError, match="said more than"):
        shell.run(["head", "-c", "3000000", "/dev/zero"], limit=1 << 20)


def test_time_is_bounded(shell: Shell) -> None:
    start = time.monotonic()
    with pytest.raises(Unreachable, match="was not done after 0 seconds"):
        shell.run(["sleep", "20"], timeout=0.3)
    assert time.monotonic() - start < 10


def test_output_as_a_stream(shell: Shell) -> None:
    with shell.read(["head", "-c", "5000000", "/dev/zero"]) as stream:
        assert stream.read(10) == bytes(10)
        assert len(stream.read()) == 4_999_990


def test_a_stream_that_is_left_early_ends_its_program(shell: Shell) -> None:
    with shell.read(["cat", "/dev/zero"]) as stream:
        assert stream.read(5)


def test_a_failure_is_raised_at_the_end_of_the_stream(shell: Shell) -> None:
    with shell.read(["sh", "-c", "echo some; echo no more >&2; exit 1"]) as stream:
        assert stream.read(5) == b"some\n"
        with pytest.raises(SourceError, match="no more"):
            stream.read(5)


def test_zero_bytes_never_reach_a_command(shell: Shell) -> None:
    with pytest.raises(UsageError):
        shell.run(["echo", "a\0b"])


def test_a_program_that_is_not_here() -> None:
    with pytest.raises(NotFound, match="no-such-program is not installed on this machine"):
        Local().run(["no-such-program"])


def test_a_complaint_is_one_harmless_line() -> None:
    assert Result(1, b"", "first\nsecond \x1b[31mred\n\n").complaint == "second \\x1b[31mred"
    assert Result(9, b"", "").complaint == "nothing, exit 9"
