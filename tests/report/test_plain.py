"""The report in a terminal: 80 columns, the same words with and without colour."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from layerkit.report import Report
from layerkit.report.plain import Plain
from layerkit.report.view import view
from layerkit.verdict import Verdict

from .build import frames_of, needed, report_of, trimmed


@pytest.mark.parametrize("total", [1, 12, 36, 61, 127, 400])
def test_80_columns(tmp_path: Path, total: int) -> None:
    asks = Verdict("docker-containerd", "29.7", "if-held", 0, "x" * 200 + "\nword " * 60, needs=needed())
    frames = frames_of(trimmed(total=total, missing=total // 3), tmp_path)
    text = report_of(frames, subject="some/long/path/" * 10 + "app.tar", verdicts=(asks,)).render("text")
    long = [line for line in text.splitlines() if len(line) > 80]
    assert long == []


def test_a_command_can_be_copied(report: Report) -> None:
    text = report.render("text")
    [command] = re.findall(r"^      (layerkit repair .*?[^\\])$", text, flags=re.DOTALL | re.MULTILINE)
    joined = " ".join(command.replace("\\\n", "").split())
    assert joined == "layerkit repair export/app.tar --from docker://registry.example/shop/app:1 -o fixed.tar"


def test_colour_adds_nothing(report: Report) -> None:
    plain = report.render("text")
    coloured = Plain(80, colour=True).render(view(report))
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


def test_show(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.StringIO()
    report.show(piped)
    assert piped.getvalue() == report.render("text")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31mBROKEN" in on_terminal(report)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in on_terminal(report)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(report: Report) -> str:
    terminal = Terminal()
    report.show(terminal)
    return terminal.getvalue()
