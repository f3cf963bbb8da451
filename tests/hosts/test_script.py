"""The script for a site without a network, run by a real shell over real runtimes, and read back."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from layerkit.errors import FormatError, NotFound
from layerkit.hosts import SCRIPT, import_inventory
from layerkit.hosts.docker import UNPROVEN
from layerkit.hosts.script import parse_script
from layerkit.inventory import Inventory
from tests.hosts.machines import Machine
from tests.services import Outcome, run

services = pytest.mark.services


def run_script(machine: Machine, folder: Path, *args: str, shell: str = "sh") -> Outcome:
    """Run it as a person there would, with the programs that the machine's users find."""
    script = folder / "inventory.sh"
    script.write_text(SCRIPT)
    env = {"PATH": f"{machine.config.parent}:{os.environ['PATH']}"}
    return run([shell, script, *args], env=env)


@services
@pytest.mark.parametrize("kind", ["docker20", "docker26c", "podman"])
def test_it_tells_what_a_connection_tells(
    kind: str, request: pytest.FixtureRequest, archive: Path, tmp_path: Path
) -> None:
    machine: Machine = request.getfixturevalue(f"{kind}_machine")
    machine.service.clear()
    program = "podman" if kind == "podman" else "docker"
    empty = parse_script(run_script(machine, tmp_path, program).expect().stdout.encode())
    assert empty.chain_ids == frozenset()
    with machine.connect() as host:
        with archive.open("rb") as file:
            assert host.load(iter(lambda: file.read(4096), b"")).ok
        seen = host.inventory()
    path = tmp_path / "site.txt"
    path.write_text(run_script(machine, tmp_path, program).expect().stdout)
    read = import_inventory(path)
    assert (read.chain_ids, read.diff_ids, read.images) == (seen.chain_ids, seen.diff_ids, seen.images)
    assert (read.runtime, read.version, read.store, read.platform) == (
        seen.runtime,
        seen.version,
        seen.store,
        seen.platform,
    )
    assert read.host == os.uname().nodename
    assert (read.free_bytes is None) == (seen.free_bytes is None)
    assert read.notes == ((UNPROVEN,) if kind == "docker26c" else ())
    (tmp_path / "site.json").write_text(read.to_json())
    assert import_inventory(tmp_path / "site.json") == read


@services
def test_it_is_posix(docker20_machine: Machine, tmp_path: Path) -> None:
    for shell in ("dash", "bash --posix"):
        words = shell.split()
        assert run_script(docker20_machine, tmp_path, shell=words[0]).ok
    assert len(SCRIPT.splitlines()) < 50
    assert SCRIPT.isascii()


@services
def test_it_says_why_it_does_not_work(docker20_machine: Machine, tmp_path: Path) -> None:
    assert "is neither docker nor podman" in run_script(docker20_machine, tmp_path, "ls").stderr
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    result = run_script(docker20_machine, tmp_path, str(tmp_path / "docker"))
    assert result.exit == 1
    assert "does not answer" in result.stderr


D = [f"sha256:{number:064x}" for number in range(4)]
INFO = (
    'info {"ServerVersion":"28.5.2","OSType":"linux","Architecture":"x86_64","Driver":"overlay2","DriverStatus":null}'
)
IMAGE = "image " + json.dumps({"Id": D[0], "RepoTags": ["a:1"], "RootFS": {"Layers": [D[1], D[2]]}})
WHOLE = ["layerkit-inventory 1 docker", "host site-7", INFO, "df /dev/sda1 100 40 60 40% /", IMAGE, "end 1"]


def text(*lines: str) -> bytes:
    return "\n".join(lines).encode() + b"\n"


def test_what_it_prints_literally() -> None:
    found = parse_script(text(*WHOLE))
    assert (found.host, found.version, found.platform, found.free_bytes) == ("site-7", "28.5.2", "linux/amd64", 61440)
    assert found.diff_ids == {D[1], D[2]}
    assert dict(found.images) == {"a:1": D[0]}


def test_what_windows_does_to_it() -> None:
    whole = text(*WHOLE)
    for raw in (whole.decode().encode("utf-16"), b"\xef\xbb\xbf" + whole, whole.replace(b"\n", b"\r\n")):
        assert parse_script(raw) == parse_script(whole)


PARTS = [WHOLE[:-1], WHOLE[:-2], [*WHOLE[:-2], "end 1"], [*WHOLE, "end 1"], [*WHOLE[:-1], "end $(id)"]]
OTHERS = [b"", b"PK\x03\x04", text("layerkit-inventory 1 rkt", *WHOLE[1:]), text("layerkit-inventory 2 docker")]


@pytest.mark.parametrize("lines", PARTS)
def test_a_part_of_it_is_refused(lines: list[str]) -> None:
    with pytest.raises(FormatError, match="is not whole"):
        parse_script(text(*lines))


@pytest.mark.parametrize("raw", OTHERS)
def test_something_else_is_refused(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(raw)
    with pytest.raises(FormatError):
        import_inventory(tmp_path / "x")


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        import_inventory(tmp_path / "none")
    with pytest.raises(NotFound):
        import_inventory(tmp_path)


def test_older_inventories_are_still_read() -> None:
    before = json.loads(Inventory(host="x", notes=("n",), incomplete=("a:1",)).to_json())
    del before["notes"], before["incomplete"]
    found = Inventory.from_json(json.dumps(before).encode())
    assert dataclasses.replace(found, host="") == Inventory()
