"""What only a person can answer, asked in the panel: passwords, and whether an unknown key is the host's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets as ipw
from traitlets import Unicode

from .theme import markup, text

if TYPE_CHECKING:
    from ..hosts import Question, UnknownHostKey

_T = TypeVar("_T")


class _Secret(ipw.Password):
    """What is typed is not told to other pages of the same kernel."""

    value = Unicode(help="String value").tag(sync=True, echo_update=False)


class Questions(ipw.VBox):
    """Answers questions of connections that are being made (`hosts.Ask`), one after another.

    Whoever asks waits in its own thread. What is typed is handed over, taken out of the page at once, and kept nowhere.
    The main thread of a kernel cannot wait for a page: there it is asked below the cell.
    """

    grace = 0.5
    """Seconds before a key can be trusted: the second half of a double click was meant for the question before."""

    def __init__(self) -> None:
        self.prompt = markup("")
        self.secret = _Secret(description="Password", **_field())
        self.answer = ipw.Text(description="Answer", **_field())
        self.yes = ipw.Button(description="Answer", button_style="primary")
        self.no = ipw.Button(description="Skip")
        self._accepted: dict[str, frozenset[str]] = {}
        self._turn = threading.Lock()
        self._done = threading.Event()
        self._since = 0.0
        self._given: str | None = None
        self._entered = self._stopped = False
        self.yes.on_click(lambda _: self._agree())
        self.no.on_click(lambda _: self._settle(None))
        self._field: ipw.Text | None = None
        for field in (self.secret, self.answer):
            field.on_msg(self._told)
            field.observe(lambda _: self._typed(), "value")
        row = ipw.HBox([self.secret, self.answer, self.yes, self.no])
        row.add_class("lkp-wrap")
        super().__init__([self.prompt, row])
        self.add_class("lkp-question")
        self.layout.display = "none"

    def __call__(self, question: Question) -> str | None:
        if threading.current_thread() is threading.main_thread():
            from ..hosts import ask_terminal

            return ask_terminal(question)
        again = "<b>Not accepted, try again.</b> " if question.attempt > 1 else ""
        field = self.answer if question.echo else self.secret
        return self._ask(f"{again}{text(question.prompt)}", "Answer", "Skip", field)

    def reach(self, connect: Callable[[frozenset[str]], _T], name: str = "") -> _T:
        """Call `connect` with the fingerprints that are trusted, again for each one that a person trusts meanwhile.

        `name` is what the person calls the host: a key is trusted for this one, as long as the panel lives.

        Raises what `connect` raises, UnknownHostKey too where nobody vouches for the key. A changed key is not asked
        about.
        """
        from ..hosts import UnknownHostKey  # paramiko takes a while to import

        while True:
            try:
                return connect(self._accepted.get(name, frozenset()))
            except UnknownHostKey as unknown:
                if unknown.fingerprint in self._accepted.get(name, ()) or not self._trusted(unknown, name):
                    raise

    def stop(self) -> None:
        """Whoever is waiting gets no answer, and nobody gets one until `go_on`."""
        self._stopped = True
        self._settle(None)

    def go_on(self) -> None:
        self._stopped = False

    def _trusted(self, unknown: UnknownHostKey, name: str) -> bool:
        if threading.current_thread() is threading.main_thread():
            return False
        told = (
            f"<b>The key of {text(name.removeprefix('ssh://') or unknown.host)} is not known.</b><dl>"
            f"<dt>Host</dt><dd><code>{text(unknown.host)}</code></dd>"
            f"<dt>Key</dt><dd><code>{text(unknown.key_type)}</code></dd>"
            f"<dt>Fingerprint</dt><dd><code>{text(unknown.fingerprint)}</code></dd></dl>"
            "Compare it with what the host itself says: "
            "<code>ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub</code> there, or ask who looks after it. "
            "Trusted, it is written to your known_hosts."
        )
        if self._ask(told, "Trust this key", "Refuse", None) is None:
            return False
        self._accepted[name] = self._accepted.get(name, frozenset()) | {unknown.fingerprint}
        return True

    def _ask(self, told: str, yes: str, no: str, field: ipw.Text | None) -> str | None:
        with self._turn:
            if self._stopped:
                return None
            self._done.clear()
            self._given, self._entered, self._field = None, False, field
            self.prompt.value = f'<div role="alertdialog" aria-label="A question">{told}</div>'
            for one in (self.secret, self.answer):
                one.layout.display = "" if one is field else "none"
                one.placeholder = ""
            self.yes.description, self.no.description = yes, no
            self._since = time.monotonic()
            self.layout.display = ""
            (field or self.no).focus()
            self._done.wait()
            given, self._given = self._given, None
            return given

    def _agree(self) -> None:
        if self._field is not None or time.monotonic() - self._since >= self.grace:
            self._settle(self._given or "")

    def _settle(self, given: str | None) -> None:
        self._given = given
        self.layout.display = "none"
        self.secret.value = self.answer.value = self.prompt.value = ""
        self._done.set()

    def _told(self, _: object, content: Any, __: object) -> None:
        """Enter was pressed. The page sends what was typed after that, or has sent it already."""
        if isinstance(content, dict) and content.get("event") == "submit":
            self._entered = True
            self._send_entered()

    def _typed(self) -> None:
        """The field was left: what is in it is in no page, and in no file that is saved, until the answer is given."""
        if self._field is not None and self._field.value:
            self._given, self._field.value = self._field.value, ""
            self._field.placeholder = "typed; press Answer"
            self._send_entered()

    def _send_entered(self) -> None:
        if self._entered and self._given is not None:
            self._settle(self._given)

    def __repr__(self) -> str:
        return "Questions()"


def _field() -> dict[str, Any]:
    return {
        "continuous_update": False,
        "style": {"description_width": "0px"},
        "layout": ipw.Layout(flex="0 1 300px", width="auto"),
    }
