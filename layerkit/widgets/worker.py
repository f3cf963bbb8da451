"""What panels do around their work: one thing at a time, in a thread if wanted; what goes wrong is told there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from ..errors import Cancelled, LayerkitError, UsageError
from .theme import markup, note

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Worker:
    """Runs a panel's work. `problem` is where it is told what went wrong; `command` tells more in a terminal.

    `freeze` is called with True before and False after; nothing is raised in a thread of its own.
    """

    def __init__(self, command: str, freeze: Callable[[bool], None]) -> None:
        self.problem = markup("")
        self._command, self._freeze = command, freeze
        self._thread: threading.Thread | None = None
        self._busy = threading.Lock()

    def run(self, work: Callable[[], _T], stopped: Callable[[], str]) -> _T:
        """Work here and now; `stopped` says in HTML what a cancelled run has left."""
        if not self._busy.acquire(blocking=False):
            raise UsageError("this panel is at work already", hint="wait for it, or cancel it")
        self.problem.value = ""
        self._freeze(True)
        try:
            return work()
        except Cancelled:
            self.problem.value = f'<div class="lkp-muted lkp-stopped" role="status">{stopped()}</div>'
            raise
        except LayerkitError as error:
            self.problem.value = note(f"{error}.".replace("..", "."), error.hint)
            raise
        except Exception as error:
            _log.debug("%s failed", self._command, exc_info=True)
            said = f"It failed: {type(error).__name__}: {error}"
            self.problem.value = note(said, f"this is a fault of layerkit; `{self._command}` in a terminal tells more")
            raise
        finally:
            self._freeze(False)
            self._busy.release()

    def start(self, work: Callable[[], object]) -> None:
        """Work in a thread of its own, where none is at work: the notebook stays usable."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=_quietly, args=(work,), name="panel", daemon=True)
            self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for what `start` began, at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)


def _quietly(work: Callable[[], object]) -> None:
    with suppress(Exception):  # the panel has told it
        work()
