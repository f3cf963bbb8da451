"""What came of it: the frame, the text, the log, the command line; and the choices made before anything is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from layerkit.cli import main
from layerkit.digest import Digest
from layerkit.errors import Refused, UsageError
from layerkit.export import plan_export, read_wanted
from layerkit.inventory import Inventory
from layerkit.shipping import Delivery, Shipment, Via, read_log, ship
from layerkit.shipping.cargo import Need, Wanted, needs_of
from layerkit.shipping.logbook import note
from layerkit.shipping.preflight import check_base, choose_way, plan_for
from layerkit.shipping.proof import Check
from layerkit.sources import open_image
from layerkit.store import Store
from tests.hosts.machines import Machine
from tests.images import Spec, oci_layout, stack
from tests.test_export_loads import NEW, SHOP

Output = pytest.CaptureFixture[str]
EVIL = "a\x1b[31m<script>alert(1)</script>\u202e"
GOOD = Delivery(
    "box", "arrived", via="stream", images={NEW: "sha256:1"}, bytes=10, whole=2000, when="2026-01-02T03:04:05+00:00"
)
BAD = Delivery(EVIL, "refused", EVIL, EVIL, note=EVIL, why=EVIL, via="pull", checks=(Check(EVIL, EVIL, False),))


def of_shop(tag: str, runtime: str = "", store: str = "") -> Inventory:
    return replace(Inventory.of_images("site", open_image(f"{SHOP}:{tag}")), runtime=runtime, store=store)


def test_nothing_foreign_acts() -> None:
    done = Shipment((GOOD, BAD))
    for shown in (done.to_text(), done.to_html()):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "<script>" not in done.to_html()
    assert done.to_html() == done._repr_html_()


def test_the_frame_and_the_sentence() -> None:
    done = Shipment((GOOD, BAD))
    assert list(done.frame.columns) == [
        "host",
        "runtime",
        "store",
        "verdict",
        "via",
        "bytes",
        "whole",
        "seconds",
        "message",
    ]
    assert done.sentence == "1 of 2 hosts holds it; 10 B of 2.0 kB travelled"
    assert (Shipment((GOOD,)).exit_code, done.exit_code) == (0, 1)
    assert json.loads(json.dumps(done.to_dict()))["deliveries"][1]["verdict"] == "refused"


def test_the_log_is_one_file_a_site(log: Path) -> None:
    for one in (GOOD, GOOD, replace(GOOD, host="ssh://me@other:22", verdict="failed", message="lost"), BAD):
        note(one)
    assert sorted(path.name for path in log.iterdir())[1:] == ["box.jsonl", "me@other%3A22.jsonl"]
    assert all(path.parent == log for path in log.rglob("*.jsonl"))
    assert (log / "box.jsonl").stat().st_mode & 0o777 == 0o600
    book = read_log()
    assert len(book.entries) == 4
    assert list(read_log(["me@other:22"]).frame["verdict"]) == ["failed"]
    assert str(book.frame["when"].dtype).startswith("datetime64")
    assert "2026-01-02 03:04  box  arrived" in book.to_text()
    assert "\x1b" not in book.to_text()
    assert "<script>" not in book._repr_html_()


@pytest.mark.parametrize("name", ["../../etc/x", "/etc/x", "a/b", "", "." * 300, "ü\n"])
def test_a_hosts_name_stays_in_the_folder(name: str, log: Path) -> None:
    path = note(replace(GOOD, host=name))
    assert path.resolve().parent == log.resolve()
    assert len(read_log([name]).entries) == 1


def test_a_line_that_is_none_is_counted(log: Path) -> None:
    note(GOOD)
    with (log / "box.jsonl").open("a") as file:
        file.write("{half\n[]\n")
    book = read_log(["box"])
    assert (len(book.entries), book.damaged) == (1, 2)
    assert "2 lines unreadable" in book.to_text()
    assert read_log(["nobody"]).entries == ()


def test_the_log_on_the_command_line(log: Path, capsys: Output, tmp_path: Path) -> None:
    note(GOOD)
    assert main(["log"]) == 0
    assert "1 deliveries" in capsys.readouterr().out
    assert main(["log", "box", "--log", str(log), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["images"] == {NEW: "sha256:1"}
    assert main(["log", "--log", str(tmp_path / "none")]) == 0


@pytest.mark.parametrize(
    ("inventory", "way"),
    [
        (Inventory(runtime="docker", store="classic"), "stream"),
        (Inventory(runtime="podman", store="podman"), "stream"),
        (Inventory(runtime="docker", store="containerd", images={"a:1": "x"}, blobs=frozenset({"b"})), "stream"),
        (Inventory(runtime="docker", store="containerd", images={"a:1": "x"}), "pull"),
        (Inventory(runtime="containerd", store="containerd"), "stream"),
    ],
)
def test_the_way_follows_the_store(inventory: Inventory, way: str) -> None:
    assert choose_way("auto", inventory)[0] == way
    assert choose_way("sftp", inventory) == ("sftp", "that was asked for")


def test_a_containerd_store_is_planned_by_its_blobs(store: Store) -> None:
    alignments = read_wanted(f"{SHOP}:1.1")
    held = of_shop("1.0", runtime="docker", store="containerd")
    plan, told = plan_for(alignments, held, missing=store.missing)
    assert (len(plan.skipped), told) == (10, "")
    unpacked = replace(held, blobs=frozenset())
    plan, told = plan_for(alignments, unpacked, missing=store.missing)
    assert len(plan.skipped) == 0
    assert "unpacked there, from other blobs" in told
    plan, told = plan_for(alignments, unpacked, missing=store.missing, thin=True)
    assert (len(plan.skipped), told) == (10, "")


@pytest.mark.parametrize(("version", "packing"), [("20.10.24", "gzip"), ("23.0.1", "keep"), ("", "keep")])
def test_old_dockers_get_no_zstd(version: str, packing: str, store: Store, tmp_path: Path) -> None:
    path = oci_layout(Spec(stack("zstd", range(2)), compression="zstd")).write(tmp_path / "z.tar")
    host = Inventory(runtime="docker", store="classic", version=version)
    plan, _ = plan_for(read_wanted(str(path)), host, missing=store.missing)
    assert plan.packing == packing


def test_a_base_that_is_not_there_is_listed() -> None:
    plan = plan_export(f"{SHOP}:1.1", to=of_shop("1.0"))
    needs = list(needs_of(plan))
    check_base(needs, of_shop("1.0"))
    with pytest.raises(Refused) as caught:
        check_base(needs, Inventory("site", runtime="docker"))
    said = str(caught.value)
    assert said.startswith("site does not hold 10 layers that are not carried: sha256:")
    assert "and 2 more" in said
    with pytest.raises(Refused, match=r"1 layer that is not carried: sha256:0+ \(layer 3\)"):
        check_base([Need("a", 3, "sha256:" + "0" * 64, "c", "d")], Inventory("site"))


def test_what_an_image_is_called_where() -> None:
    wanted = Wanted(("redis:7",), Digest("sha256:c"), (Digest("sha256:m"),), ())
    nameless = replace(wanted, references=())
    docker, ctr = Inventory(runtime="docker", store="classic"), Inventory(runtime="containerd", store="containerd")
    mixed = Inventory(runtime="docker", store="containerd")
    assert wanted.names_on(docker) == ("redis:7",)
    assert wanted.names_on(ctr) == ("docker.io/library/redis:7",)
    assert nameless.names_on(docker) == ("sha256:c",)
    assert nameless.names_on(mixed) == ("sha256:m",)
    assert wanted.ids_on(docker) == {"sha256:c"}
    assert wanted.ids_on(mixed) == {"sha256:c", "sha256:m"}
    with pytest.raises(UsageError):
        nameless.names_on(ctr)


def test_bad_usage(store: Store, capsys: Output) -> None:
    with pytest.raises(UsageError, match="no host is named"):
        ship(f"{SHOP}:1.1", [], store=store)
    with pytest.raises(UsageError, match="carrier pigeon"):
        ship(f"{SHOP}:1.1", "box", via=cast("Via", "carrier pigeon"), store=store)
    assert main(["ship", f"{SHOP}:nothing", "box"]) == 2
    assert "has no image nothing" in capsys.readouterr().err


@pytest.mark.services
def test_ship_on_the_command_line(
    docker20_machine: Machine, capsys: Output, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker20_machine.service.clear()
    monkeypatch.setattr("layerkit.hosts.address.USER_CONFIG", docker20_machine.config)
    options = ["--store", str(tmp_path / "store"), "--progress", "none"]
    page = str(tmp_path / "page.html")
    assert main(["ship", f"{SHOP}:1.0", "box", "--also", f"{SHOP}:1.1", *options, "-o", page]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 of 1 host holds it; ")
    assert "a container can be created" in said
    assert "box" in Path(page).read_text()
    assert len(docker20_machine.service.images()) == 2
    assert main(["ship", f"{SHOP}:1.0", "box", "nobody.invalid", *options, "--format", "json"]) == 1
    verdicts = [one["verdict"] for one in json.loads(capsys.readouterr().out)["deliveries"]]
    assert verdicts == ["there already", "failed"]
    assert main(["log", "box"]) == 0
    assert capsys.readouterr().out.count("  box  ") == 2
    # A plan and an export for a host that is asked now.
    assert main(["plan", f"{SHOP}:1.1", "--to", "ssh://box", *options]) == 0
    assert "0 B of" in capsys.readouterr().out


@pytest.mark.services
def test_a_docker_here_needs_no_ssh(docker20_machine: Machine, store: Store) -> None:
    ways: tuple[Via, ...] = ("stream", "pull")
    for via in ways:
        docker20_machine.service.clear()
        done = ship(f"{SHOP}:1.1", docker20_machine.service.host, via=via, store=store)
        assert done.ok, done.to_text()
    refused = ship(f"{SHOP}:1.0", docker20_machine.service.host, via="sftp", store=store)
    assert "not reached over SSH" in refused.deliveries[0].message
