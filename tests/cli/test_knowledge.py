"""`layerkit explain`, `layerkit loaders`, `layerkit rules`: text, JSON, stdin and exit codes."""

from __future__ import annotations

import io
import json
import sys
from typing import Protocol

import pytest

from layerkit.cli import main
from layerkit.cli.knowledge import LIMIT, decode, tail
from layerkit.loaders import LOADERS
from layerkit.rules import RULES
from layerkit.samples import data_dir

TRIMMED = str(data_dir() / "trimmed-25-of-36.tar")
LENGTH = "invalid manifest, layers length mismatch: expected 25, got 36"


class Run(Protocol):
    def __call__(self, *argv: str, stdin: bytes = b"") -> tuple[int, str, str]: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(argv)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_explain_an_argument(run: Run) -> None:
    code, out, err = run("explain", LENGTH)
    assert (code, err) == (0, "")
    assert "  manifest  25   layers listed in manifest.json (Layers)\n" in out
    assert run("explain", *LENGTH.split())[1] == out, "quotes may be forgotten"


def test_explain_with_its_archive(run: Run) -> None:
    code, out, _ = run("explain", LENGTH, "--archive", TRIMMED, "--format", "json")
    [sentence] = json.loads(out)["sentences"]
    assert code == 0
    assert sentence["here"]["agrees"] is True
    assert sentence["here"]["causes"][0]["id"] == "incremental-filter"


@pytest.mark.parametrize("argv", [(), ("-",)])
def test_explain_a_log_from_stdin(run: Run, argv: tuple[str, ...]) -> None:
    log = "\r\n".join(["step 1 ok", f"\x1b[31mError response from daemon: {LENGTH}\x1b[0m", "step 2 skipped"])
    code, out, _ = run("explain", *argv, stdin=log.encode())
    assert code == 0
    assert "diff_ids  36" in out


@pytest.mark.parametrize(
    ("stream", "first"),
    [
        (rb"""invalid manifest, layers length mismatch: expected '\x11', got '\x0e'""", "17"),
        (json.dumps({"errorDetail": {"message": LENGTH}, "error": LENGTH}).encode(), "25"),
        (LENGTH.encode("utf-16"), "25"),
    ],
)
def test_explain_what_came_in_another_shape(run: Run, stream: bytes, first: str) -> None:
    code, out, _ = run("explain", stdin=stream)
    assert code == 0
    assert f"  manifest  {first}   " in out


def test_explain_an_unknown_text(run: Run) -> None:
    code, out, err = run("explain", "Inconsistent count of layers in manifest and config")
    assert (code, err) == (1, "")
    assert "No sentence that layerkit knows" in out
    assert "<manifest> in manifest, <diff_ids> in config" in " ".join(out.split())


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("explain", " "), "no text to explain"),
        (("explain",), "no text to explain"),
        (("explain", LENGTH, "--format", "yaml"), "unknown format 'yaml'"),
        (("explain", LENGTH, "--archive", "/no/such.tar"), "/no/such.tar does not exist"),
        (("loaders", "nix"), "unknown loader 'nix'"),
        (("loaders", "--format", "yaml"), "unknown format 'yaml'"),
        (("rules", "LK9"), "no rule is called LK9"),
        (("rules", "--format", "yaml"), "unknown format 'yaml'"),
    ],
)
def test_what_cannot_be_answered(run: Run, argv: tuple[str, ...], message: str) -> None:
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_of_a_long_log_the_end_is_kept() -> None:
    assert tail(io.BytesIO(b"ab" + b"x" * 10 + b"end"), 5) == b"abxxend"
    assert tail(io.BytesIO(b"abc")) == b"abc"
    assert tail(io.BytesIO(b"")) == b""
    assert len(tail(io.BytesIO(b"x" * (3 * LIMIT)))) <= LIMIT + 2
    windows = ("noise\n" * LIMIT + LENGTH).encode("utf-16-le")
    assert decode(tail(io.BytesIO(b"\xff\xfe" + windows))).endswith(f"noise\n{LENGTH}")
    assert decode(b"\xff bad") == "\ufffd bad"


def test_loaders_is_the_models_own_data(run: Run) -> None:
    code, out, _ = run("loaders")
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    table = {line.split()[0]: line for line in out.splitlines() if "@" in line.split(" ")[0]}
    assert list(table) == [loader.full_name for loader in LOADERS]
    head = out.splitlines()[0]
    for loader in LOADERS:
        line = table[loader.full_name]
        for form, word in {
            "docker-archive": "docker", "oci-archive": "oci", "universal": "hybrid", "oci-layout": "folder",
            "legacy": "v1",
        }.items():  # fmt: skip
            cell = line[head.index(word) :].split()[0]
            assert cell == ("thin" if form in loader.partial else "yes" if form in loader.formats else "-")
        for column, compressions in (("layers", loader.layers), ("around", loader.outer)):
            cells = line[head.index(column) :][:13].split()
            assert ("zst" in cells) == ("zstd" in compressions)
            assert ("gz" in cells) == ("gzip" in compressions)
        assert f"  {loader.full_name:<22}  {loader.versions}\n" in out


def test_loaders_of_one_name(run: Run) -> None:
    code, out, _ = run("loaders", "docker-classic@20.10")
    assert code == 0
    assert out.startswith("docker-classic@20.10: docker load\n")
    assert "chain ID (the layer and all below it)" in out
    assert "layers left out  docker-archive, universal" in out
    assert "layers may be    plain, gzip, bzip2, xz\n" in out
    versions = [loader for loader in LOADERS if loader.name == "docker-classic"]
    assert run("loaders", "docker-classic")[1].count("docker-classic@") == len(versions)


def test_loaders_as_json(run: Run) -> None:
    rows = json.loads(run("loaders", "--format", "json")[1])
    assert [f"{row['loader']}@{row['version']}" for row in rows] == [loader.full_name for loader in LOADERS]
    assert all(row["layers"] and row["formats"] and row["command"] and row["versions"] for row in rows)
    [one] = json.loads(run("loaders", "docker-classic@20.10", "--format", "json")[1])
    assert one["outer"] == ["none", "gzip", "bzip2", "xz"]
    assert one["partial"] == ["docker-archive", "universal"]


def test_rules(run: Run) -> None:
    code, out, _ = run("rules")
    assert code == 0
    assert len(out.splitlines()) == len(RULES)
    _, out, _ = run("rules", "lk101")
    assert out.startswith("LK101: ")
    assert {row["code"] for row in json.loads(run("rules", "LK1", "--format", "json")[1])} == {
        rule.code for rule in RULES if rule.code.startswith("LK1")
    }
