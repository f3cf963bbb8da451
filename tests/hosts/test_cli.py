"""`layerkit inventory` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerkit.cli import main
from layerkit.hosts import SCRIPT
from layerkit.inventory import Inventory
from tests.hosts.conftest import REFERENCE
from tests.hosts.machines import Machine, write_config
from tests.hosts.test_script import WHOLE, text

Output = pytest.CaptureFixture[str]


def test_the_script_is_printed(capsys: Output) -> None:
    assert main(["inventory", "--script"]) == 0
    assert capsys.readouterr().out == SCRIPT


def test_what_the_script_printed_becomes_an_inventory(capsys: Output, tmp_path: Path) -> None:
    (tmp_path / "site.txt").write_bytes(text(*WHOLE))
    assert main(["inventory", "--import", str(tmp_path / "site.txt"), "-o", str(tmp_path / "site.json")]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "site-7: docker 28.5.2, classic store, linux/amd64" in said.err
    assert Inventory.read(tmp_path / "site.json").host == "site-7"
    assert main(["inventory", "--import", str(tmp_path / "site.txt"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "layerkit.inventory/1"


@pytest.mark.parametrize("arguments", [[], ["box", "--script"], ["box", "--import", "x"]])
def test_one_thing_at_a_time(arguments: list[str], capsys: Output) -> None:
    assert main(["inventory", *arguments]) == 2
    assert "name one host" in capsys.readouterr().err


@pytest.mark.services
def test_a_host(docker20_machine: Machine, archive: Path, capsys: Output) -> None:
    docker20_machine.service.clear()
    docker20_machine.service.load(archive).expect()
    assert main(["inventory", docker20_machine.service.host]) == 0
    said = capsys.readouterr().out
    assert "docker 20.10" in said
    assert REFERENCE in said
    assert max(map(len, said.splitlines())) < 140


@pytest.mark.services
def test_an_unknown_host_is_accepted_by_its_fingerprint(
    docker20_machine: Machine, archive: Path, capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    write_config(tmp_path / ".ssh" / "config", docker20_machine.sshd, UserKnownHostsFile=tmp_path / "known")
    assert main(["inventory", "box"]) == 2
    said = capsys.readouterr().err
    assert "ssh-ed25519 SHA256:" in said
    assert main(["diagnose", f"ssh://box{archive}"]) == 2
    assert "--accept SHA256:" in capsys.readouterr().out
    fingerprint = "SHA256:" + said.partition("--accept SHA256:")[2].split()[0]
    assert main(["diagnose", f"ssh://box{archive}", "--accept", fingerprint]) == 0
    assert main(["inventory", "box", "--runtime", "docker"]) == 0
    assert main(["diagnose", f"ssh://box{archive}"]) == 0
