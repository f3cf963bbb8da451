"""Questions only a person can answer: passwords and passphrases, asked for when they are needed and never kept."""

from __future__ import annotations

import getpass
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..text import printable

TRIES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: `kind` for a program, `prompt` for a person. `attempt` counts from 1."""

    kind: Literal["password", "passphrase", "answer", "sudo"]
    prompt: str
    echo: bool = False
    attempt: int = 1


Ask = Callable[[Question], str | None]
"""Gives the answer, or None where nobody is there to give one. The answer is used once and forgotten."""


def ask_terminal(question: Question) -> str | None:
    """Ask on the terminal, or below the cell of a notebook; None where nobody is there."""
    if not (sys.stdin is not None and sys.stdin.isatty()) and not _in_a_cell():
        return None
    again = "not accepted, try again\n" if question.attempt > 1 else ""
    prompt = f"{again}{printable(question.prompt)}: "
    try:
        return input(prompt) if question.echo else getpass.getpass(prompt)
    except (EOFError, NotImplementedError):  # the latter is a kernel's whose front end asks nobody
        return None


def _in_a_cell() -> bool:
    """Whether a cell is being run: then ipykernel's own `input` and `getpass` ask in the page.

    Only for the main thread, which is the cell's.
    """
    kernel = sys.modules.get("ipykernel.kernelapp")
    running = kernel is not None and kernel.IPKernelApp.initialized()
    return running and threading.current_thread() is threading.main_thread()


def answers(ask: Ask, question: Question) -> Iterator[str]:
    """What is answered, asked anew as often as the caller comes back, a few times at most."""
    for attempt in range(1, TRIES + 1):
        answer = ask(Question(question.kind, question.prompt, question.echo, attempt))
        if answer is None:
            return
        yield answer
