"""`layerkit diagnose` as a program: targets, exit codes, formats, options, streams and signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from layerkit.cli import main
from layerkit.report import FORMATS
from layerkit.samples import data_dir

DATA = data_dir()
SOUND, BROKEN = DATA / "sound-docker.tar", DATA / "trimmed-25-of-36.tar"
PROGRAM = [sys.executable, "-c", "from layerkit.cli import run; run()"]


def program(*argv: object, env: dict[str, str] | None = None, **how: Any) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *map(str, argv)]
    how = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 60, **how}
    return subprocess.run(command, env={**os.environ, **(env or {})}, check=False, **how)


def call(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code = main([str(word) for word in argv])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        ([SOUND], 0),
        ([BROKEN], 1),
        (["/no/such.tar"], 2),
        ([SOUND, BROKEN], 1),
        ([SOUND, BROKEN, "/no/such.tar"], 2),
        ([DATA / "shop-oci"], 0),
        ([f"oci:{DATA / 'shop-oci'}:1.1"], 0),
        ([DATA / "sound-*.tar"], 0),
        ([DATA], 1),
    ],
    ids=str,
)
def test_exit_codes(capsys: pytest.CaptureFixture[str], targets: list[object], code: int) -> None:
    got, out, err = call(capsys, "diagnose", *targets)
    assert (got, err) == (code, "")
    assert out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((DATA / "none-*.tar",), "no file matches"),
        (("",), "a target is empty"),
        (("-", "-"), "named twice"),
        ((SOUND, "-f", "yaml"), "unknown format 'yaml'"),
        ((SOUND, "--for", "nix"), "unknown loader 'nix'"),
        ((SOUND, "--select", "LK9"), "no rule begins with LK9"),
        ((SOUND, "--held", "/no/such.json"), "/no/such.json does not exist"),
        ((SOUND, "-o", "/no/such/folder/x.json"), "cannot be written: No such file or directory"),
        ((SOUND, "-o", "/"), "cannot be written: Is a directory"),
        (("docker-archive:",), "names no file"),
    ],
)
def test_bad_usage(capsys: pytest.CaptureFixture[str], argv: tuple[object, ...], message: str) -> None:
    code, out, err = call(capsys, "diagnose", *argv)
    assert (code, out) == (2, "")
    assert message in err


def test_a_folder_is_its_archives_in_name_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copy(SOUND, tmp_path / "b.tar")
    (tmp_path / "sub").mkdir()
    shutil.copy(BROKEN, tmp_path / "sub/a.tar.gz")
    shutil.copytree(DATA / "shop-oci", tmp_path / "layout")
    (tmp_path / "notes.txt").write_text("no archive")
    _, out, _ = call(capsys, "diagnose", tmp_path, "-f", "json")
    assert [Path(one["subject"]).name for one in json.loads(out)] == ["b.tar", "a.tar.gz", "layout"]


def test_many_targets_begin_with_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "diagnose", BROKEN, SOUND, "/no/such.tar")
    marks = [line.split()[0] for line in out.splitlines() if line.startswith(("SOUND", "BROKEN", "FAILED"))]
    assert marks[:3] == ["BROKEN", "SOUND", "FAILED"], "in the order of the targets"


def test_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "diagnose", BROKEN, "/no/such.tar", "-f", "json")
    report, failure = json.loads(out)
    assert code == 2
    assert list(report)[:8] == ["schema", "subject", "format", "outcome", "findings", "causes", "loaders", "images"]
    assert list(failure)[:3] == ["schema", "subject", "error"]
    assert report["schema"] == failure["schema"] == "layerkit.report/1"
    (image,) = report["images"]
    assert list(image) == (
        ["reference", "platform", "config_digest", "outcome", "counts", "findings", "causes", "not_checked", "repairs"]
    )
    assert image["counts"] == {
        "manifest_layers": 25, "diff_ids": 36, "history": image["counts"]["history"],
        "history_nonempty": 36, "members_present": 25,
    }  # fmt: skip
    assert image["findings"][0]["positions"] == list(range(11))
    assert image["causes"][0]["id"] == "incremental-filter"
    single = json.loads(call(capsys, "diagnose", BROKEN, "-f", "json")[1])
    assert single == report, "one target alone is the object itself"


@pytest.mark.parametrize(
    ("suffix", "starts"),
    [(".html", "<!doctype html"), (".json", "{"), (".md", "#"), (".sarif", "{"), (".xml", "<?xml"), (".txt", "broken")],
)
def test_the_suffix_picks_the_format(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str, starts: str
) -> None:
    written = tmp_path / f"report{suffix}"
    code, out, err = call(capsys, "diagnose", BROKEN, "-o", written)
    assert (code, out) == (1, "")
    assert "manifest.json lists 25 of the 36 layers" in err
    assert written.read_text(encoding="utf-8").lower().startswith(starts)


def test_the_format_option_wins_over_the_suffix(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    call(capsys, "diagnose", BROKEN, "-o", tmp_path / "x.txt", "-f", "json")
    assert json.loads((tmp_path / "x.txt").read_text())["outcome"] == "broken"


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_of_one_and_of_many(capsys: pytest.CaptureFixture[str], format: str) -> None:
    for targets in ([SOUND], [SOUND, BROKEN, "/no/such.tar"], ["/no/such.tar"]):
        assert call(capsys, "diagnose", *targets, "-f", format)[1].endswith("\n")


def test_select_and_ignore(capsys: pytest.CaptureFixture[str]) -> None:
    def codes(*argv: str) -> set[str]:
        (image,) = json.loads(call(capsys, "diagnose", BROKEN, "-f", "json", *argv)[1])["images"]
        return {found["code"] for found in image["findings"]}

    assert codes() == codes("--select", "lk1") == codes("--ignore", "LK2,LK4") == {"LK101"}
    assert codes("--select", "LK2") == codes("--ignore", "LK101") == set()
    assert call(capsys, "diagnose", BROKEN, "--ignore", "LK101")[0] == 0


def test_for_and_held(capsys: pytest.CaptureFixture[str]) -> None:
    absent = DATA / "full-list-files-absent.tar"
    assert call(capsys, "diagnose", absent, "--for", "docker-classic@20.10")[0] == 1
    code, out, _ = call(capsys, "diagnose", SOUND, "--for", "podman@5.8", "--for", "crane", "-f", "json")
    assert (code, {row["loader"] for row in json.loads(out)["loaders"]}) == (0, {"podman", "crane"})
    told = json.loads(call(capsys, "diagnose", SOUND, "--held", SOUND, "-f", "json")[1])
    assert told["outcome"] == "sound"


@pytest.mark.parametrize("deep", [False, True])
def test_stdin(deep: bool) -> None:
    for path, code in ((SOUND, 0), (BROKEN, 1)):
        with path.open("rb") as file:
            done = program("diagnose", "-", *["--deep"] * deep, stdin=file, capture_output=True)
        assert (done.returncode, done.stderr) == (code, "")
    done = program("diagnose", "-", stdin=None, input=None, preexec_fn=lambda: os.close(0))
    assert done.returncode == 2
    assert "standard input is closed" in done.stdout


def test_progress_as_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = call(capsys, "diagnose", "--deep", SOUND, "--progress", "json")
    events = [json.loads(line) for line in err.splitlines()]
    assert {event["event"] for event in events} == {"begin", "end"}
    measured = [event for event in events if event["task"] == "measure"]
    assert measured[0]["total"] == measured[-1]["done"] > 0
    assert call(capsys, "diagnose", "--deep", SOUND, "--progress", "none")[2] == ""


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"PYTHONIOENCODING": "utf-8"}], ids=str)
def test_piped_text_is_plain_and_80_columns_wide(env: dict[str, str]) -> None:
    done = program("diagnose", BROKEN, SOUND, env=env)
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_reader_may_go_away() -> None:
    command = " ".join(f"'{word}'" for word in [*PROGRAM, "diagnose", str(DATA), "-f", "html"])
    done = subprocess.run(["bash", "-c", f"{command} | head -c 10"], capture_output=True, timeout=60, check=False)
    assert (len(done.stdout), done.stderr) == (10, b"")


def test_a_full_disk_is_a_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = program("diagnose", SOUND, stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == 2
    assert "No space left on device" in done.stderr


def test_ctrl_c_stops_it() -> None:
    process = subprocess.Popen(
        [*PROGRAM, "diagnose", "-", "--progress", "json"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "begin" in process.stderr.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_shell_completion() -> None:
    words = {"COMP_WORDS": "layerkit dia", "COMP_CWORD": "1", "_LAYERKIT_COMPLETE": "complete_bash"}
    assert program(env=words).stdout.split() == ["diagnose"]
