"""Questions in the panel: answered once, kept nowhere, never a wait that nobody can end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest
from jupyter_client.manager import start_new_kernel

from layerkit.hosts import ChangedHostKey, Question, UnknownHostKey
from layerkit.hosts.address import resolve
from layerkit.widgets.questions import Questions
from tests.widgets.test_guided_export import until
from tests.widgets.test_investigator import visible, walk

SECRET = "correct horse <b>battery</b>"
PASSWORD = Question("password", "Password of <i>guest</i> on box")


def asked(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Run it in a thread, as a panel does, and keep what comes of it."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


def state(questions: Questions) -> str:
    return repr([widget.get_state() for widget in walk(questions)]) + repr(questions) + repr(vars(questions))


@pytest.fixture
def unknown() -> UnknownHostKey:
    return UnknownHostKey(resolve("ssh://box:2222", None), paramiko.ECDSAKey.generate())


def test_a_password_is_handed_over_and_forgotten() -> None:
    questions = Questions()
    assert not visible(questions)
    thread, found = asked(lambda: questions(PASSWORD))
    until(lambda: visible(questions))
    assert "Password of &lt;i&gt;guest&lt;/i&gt; on box" in questions.prompt.value
    assert visible(questions.secret)
    assert not visible(questions.answer)
    questions.secret.value = SECRET  # nothing is said until it is sent
    assert thread.is_alive()
    assert SECRET not in repr([widget.get_state() for widget in walk(questions)])
    questions.yes.click()
    thread.join(5)
    assert found == [SECRET]
    assert not visible(questions)
    assert SECRET not in state(questions)


@pytest.mark.parametrize("early", [True, False])
def test_enter_answers(early: bool) -> None:
    """The page tells of the key and of the value in either order."""
    questions = Questions()
    thread, found = asked(lambda: questions(PASSWORD))
    until(lambda: visible(questions))
    if early:
        questions._told(None, {"event": "submit"}, [])
        assert thread.is_alive()
        questions.secret.value = SECRET
    else:
        questions.secret.value = SECRET
        questions._told(None, {"event": "submit"}, [])
    thread.join(5)
    assert found == [SECRET]


def test_once_more_skipped_and_stopped() -> None:
    questions = Questions()
    thread, found = asked(lambda: questions(Question("answer", "Code", echo=True, attempt=2)))
    until(lambda: visible(questions))
    assert "Not accepted, try again." in questions.prompt.value
    assert visible(questions.answer)
    questions.no.click()
    thread.join(5)
    assert found == [None]
    thread, found = asked(lambda: questions(PASSWORD))
    until(lambda: visible(questions))
    questions.stop()
    thread.join(5)
    assert found == [None]
    asked(lambda: questions(PASSWORD))[0].join(5)
    assert not visible(questions)


def test_one_after_another() -> None:
    questions = Questions()
    both = [asked(partial(questions, Question("password", name))) for name in ("one", "two")]
    for _ in both:
        until(lambda: visible(questions))
        questions.secret.value = "for one" if ">one<" in questions.prompt.value else "for two"
        questions.yes.click()
    for thread, _ in both:
        thread.join(5)
    assert [found for _, found in both] == [["for one"], ["for two"]]


def test_a_cell_is_asked_in_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel's input and getpass, where its front end answers; None where it does not, and in other threads."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(Path(__file__).parents[2]))
    requests: list[dict[str, Any]] = []
    printed: list[str] = []

    def answer(message: dict[str, Any]) -> None:
        requests.append(message["content"])
        client.input(SECRET)

    def listen(message: dict[str, Any]) -> None:
        printed.append(message["content"].get("text", ""))

    def ask(expression: str, allow_stdin: bool) -> str:
        code = f"from layerkit.hosts import Question, ask_terminal\nfrom threading import Thread\n{expression}"
        printed.clear()
        reply = client.execute_interactive(
            code, allow_stdin=allow_stdin, stdin_hook=answer, output_hook=listen, timeout=60
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed).strip()

    asking = "print(ask_terminal(Question('password', 'Password for box')))"
    try:
        assert ask(asking, allow_stdin=True) == SECRET
        assert [(one["prompt"], one["password"]) for one in requests] == [("Password for box: ", True)]
        assert ask(asking, allow_stdin=False) == "None"
        threaded = f"t = Thread(target=lambda: {asking}); t.start(); t.join()"
        assert ask(threaded, allow_stdin=True) == "None"
        assert len(requests) == 1
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_the_main_thread_is_not_made_to_wait(monkeypatch: pytest.MonkeyPatch, unknown: UnknownHostKey) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    questions = Questions()
    assert questions(PASSWORD) is None

    def connect(accepted: frozenset[str]) -> str:
        raise unknown

    with pytest.raises(UnknownHostKey):
        questions.reach(connect)


def test_a_key_is_trusted_by_its_fingerprint(unknown: UnknownHostKey) -> None:
    questions, tried = Questions(), []
    questions.grace = 0.3

    def connect(accepted: frozenset[str]) -> str:
        tried.append(accepted)
        if unknown.fingerprint not in accepted:
            raise unknown
        return "in"

    thread, found = asked(lambda: questions.reach(connect))
    until(lambda: visible(questions))
    assert unknown.fingerprint in questions.prompt.value
    assert "[box]:2222" in questions.prompt.value
    assert not visible(questions.secret)
    questions.no.click()
    thread.join(5)
    assert found == [unknown]
    thread, found = asked(lambda: questions.reach(connect))
    until(lambda: visible(questions))
    assert questions.yes.description == "Trust this key"
    questions.yes.click()  # nobody reads that fast
    assert visible(questions)
    time.sleep(0.3)
    questions.yes.click()
    thread.join(5)
    assert found == ["in"]
    assert tried == [frozenset(), frozenset(), {unknown.fingerprint}]
    assert questions.reach(connect) == "in"
    with pytest.raises(UnknownHostKey):  # trusted for that host, not for whoever shows the same key
        questions.reach(connect, "another")


def test_a_changed_key_is_never_on_offer(unknown: UnknownHostKey) -> None:
    questions = Questions()
    changed = ChangedHostKey.__new__(ChangedHostKey)
    thread, found = asked(lambda: questions.reach(lambda accepted: (_ for _ in ()).throw(changed)))
    thread.join(5)
    assert found == [changed]
    assert not visible(questions)
