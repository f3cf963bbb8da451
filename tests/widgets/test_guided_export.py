"""The panel of notebook 02, without a browser: plan, export, stop and go on, prove; and no secret in its state."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as ipw
import pytest

import layerkit
from layerkit.diagnosis import read_held
from layerkit.errors import Cancelled, LayerkitError, NotFound, UsageError
from layerkit.export import export_image, plan_export
from layerkit.samples import data_dir
from layerkit.widgets import GuidedExport, guided_export
from tests.faulty_registry import FaultyRegistry, Request, Slow, Status, run_faulty_registry
from tests.images import layer
from tests.widgets.test_investigator import visible, walk

SHOP = f"oci:{data_dir() / 'shop-oci'}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERKIT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def base(here: Path) -> Path:
    return export_image(f"{SHOP}:1.0", here / "base.tar").paths[0]


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with run_faulty_registry() as running:
        yield running


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_sample_needs_nothing_and_writes_nothing(here: Path) -> None:
    panel = GuidedExport()
    assert "36 kB of 36 kB travel" in panel._repr_html_()
    assert visible(panel._planned)
    assert panel.steps.current == 3
    assert [path.name for path in here.iterdir()] == ["store"]


def test_it_plans_what_the_plain_call_plans(base: Path) -> None:
    panel = GuidedExport(f"{SHOP}:1.1", to=base, rate=2e6)
    panel.plan_button.click()
    panel.wait(30)
    plain = plan_export(f"{SHOP}:1.1", to=base)
    assert panel._plan is not None
    assert panel._plan.to_dict() == plain.to_dict()
    assert "6.7 kB of 36 kB travel: under a second at 2 MB/s." in panel.planned.value
    panel.rate.value = 0.0006
    assert "about 7 s at 0.001 MB/s" in panel.planned.value
    assert panel.output.placeholder == "app-1.1-delta.tar"


def test_export_and_prove(here: Path) -> None:
    panel = GuidedExport([f"{SHOP}:1.0", f"{SHOP}:1.1"])
    done = panel.run()
    assert done.paths == (Path("app-1.0-and-more.tar"),)
    assert done is panel.exported
    assert panel.report is not None
    assert panel.report.outcome == layerkit.diagnose(done.paths[0]).outcome == "sound"
    assert panel.report.deep
    assert set(panel.log["outcome"]) == {"on this machine", "carried once already"}
    assert panel.log["received"].sum() == 0
    assert "diagnosed <b>sound</b> from the outside, every byte of it read back" in panel.proof.value
    assert "docker load -i app-1.0-and-more.tar" in panel.proof.value
    assert visible(panel._proved)
    assert panel.steps.current == 5


def test_a_delta_is_proved_with_what_its_target_holds(base: Path) -> None:
    panel = GuidedExport(f"{SHOP}:1.1", to=base, output="delta.tar")
    done = panel.run()
    assert layerkit.diagnose("delta.tar").outcome == "incomplete"
    assert done.report.outcome == "sound"
    assert done.report is panel.report
    assert "sound with what the target holds" in panel.proof.value
    assert "asks 10 layers of its target" in panel.proof.value
    assert panel.log["outcome"].tolist() == ["left out"] * 10 + ["on this machine"] * 2
    assert panel.log["reason"][0] == f"{base} has the chain up to here"


def test_an_inventory_and_several_targets(base: Path, here: Path) -> None:
    held = read_held(base)
    (here / "site.json").write_text(held.to_json())
    by_file = GuidedExport(f"{SHOP}:1.1", to="site.json")
    assert by_file.form.target.kind.value == 1
    assert len(by_file.plan().skipped) == 10
    assert "of unknown make, holds 12 layers" in by_file.form.target.note.value
    given = GuidedExport(f"{SHOP}:1.1", to=[held, read_held(data_dir() / "sound-docker.tar")])
    assert len(given.plan().skipped) == 6
    given.form.target.kind.value = 0
    assert not given.plan().is_delta


@pytest.mark.parametrize(
    ("images", "kind", "path", "error", "message"),
    [
        ("", 0, "", UsageError, "No image is named."),
        ("oci:/no/such/folder<b>", 0, "", NotFound, "/no/such/folder&lt;b&gt; does not exist."),
        (f"{SHOP}:1.1", 2, "", NotFound, "No file is named that says what the target has."),
        (f"{SHOP}:1.1", 1, "/no/such.json", NotFound, "/no/such.json does not exist."),
        (str(data_dir() / "trimmed-25-of-36.tar"), 0, "", LayerkitError, "the manifest lists 25 layers"),
    ],
)
def test_an_error_is_told_and_raised_and_the_panel_goes_on(
    images: str, kind: int, path: str, error: type[LayerkitError], message: str
) -> None:
    panel = GuidedExport(f"{SHOP}:1.1")
    panel.form.images.value = images
    panel.form.target.kind.value = kind
    panel.form.target.path.value = path
    with pytest.raises(error):
        panel.run()
    assert 'role="alert"' in panel.problem.value
    assert message in panel.problem.value
    assert not visible(panel._planned)
    panel.form.images.value, panel.form.target.kind.value = f"{SHOP}:1.1", 0
    panel.start(panel.run)
    assert panel.wait(30) is not None
    assert panel.problem.value == ""


def test_a_fault_of_ours_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("<i>division</i>")

    monkeypatch.setattr(guided_export, "plan_export", broken)
    panel = GuidedExport()
    panel.plan_button.click()
    panel.wait(30)
    assert "ZeroDivisionError: &lt;i&gt;division" in panel.problem.value
    assert not panel.plan_button.disabled


def image_of(registry: FaultyRegistry, *sizes: int) -> tuple[str, list[str]]:
    """An image of layers of random content; its name and the digests of its layers."""
    blobs = [layer("shop", at, size) for at, size in enumerate(sizes)]
    registry.add_image("shop/app", "2.4", blobs)
    return f"docker://{registry.address}/shop/app:2.4", [registry.add_blob(blob) for blob in blobs]


def test_cancel_keeps_what_came_and_resume_goes_on(registry: FaultyRegistry, here: Path) -> None:
    name, (small, large) = image_of(registry, 40_000, 4_000_000)
    registry.fail(large, Slow(0.01))
    panel = GuidedExport(name, output="app.tar")
    panel.export_button.click()
    until(lambda: panel.progress._layers and panel.progress.frame["received"][1] > 300_000)
    assert panel.export_button.disabled
    assert panel.form.images.disabled
    with pytest.raises(UsageError, match="at work already"):
        panel.run()
    panel.progress.button.click()
    assert panel.wait(30) is None
    log = panel.log.set_index("position")
    assert log["outcome"].tolist() == ["verified", "stopped"]
    came = int(log["received"][1])
    assert "Stopped." in panel.problem.value
    assert not (here / "app.tar").exists()
    assert panel.export_button.description == "Resume"
    registry.heal()
    panel.export_button.click()
    done = panel.wait(30)
    assert done is not None
    assert panel.log.set_index("position")["action"].tolist() == ["reuse", "fetch"]
    assert panel.log["reason"][1] == "partly here, resumed"
    assert panel.log["received"][1] == len(registry.blobs[large]) - came
    first, again = registry.asked(large)
    assert "range" not in first.headers
    assert again.headers["range"].startswith(f"bytes={came}-")
    assert len(registry.asked(small)) == 1
    assert panel.report is not None
    assert panel.report.outcome == "sound"
    assert panel.export_button.description == "Export"


def test_pause_holds_the_wire_still(registry: FaultyRegistry) -> None:
    name, (digest,) = image_of(registry, 3_000_000)
    registry.fail(digest, Slow(0.005))
    panel = GuidedExport(name, output="app.tar")
    panel.start(panel.run)
    until(lambda: panel.progress._layers and panel.progress.frame["received"][0] > 100_000)
    panel.progress.pause.click()
    time.sleep(0.1)
    came = panel.log["received"][0]
    time.sleep(0.2)
    assert panel.log["received"][0] == came < 3_000_000
    panel.progress.pause.click()
    assert panel.wait(30) is not None
    assert panel.log["outcome"].tolist() == ["verified"]


def test_planning_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = GuidedExport()
    monkeypatch.setattr(panel.planning, "start", panel.planning.cancel)
    with pytest.raises(Cancelled):
        panel.plan()
    assert "Stopped. Press Plan to start again." in panel.problem.value


def test_credentials_go_by_name_and_no_secret_is_in_any_widget(registry: FaultyRegistry, here: Path) -> None:
    secret = "correct-horse-battery"
    packed = base64.b64encode(f"someone:{secret}".encode()).decode()

    def guard(request: Request) -> Status | None:
        if request.headers.get("authorization") == f"Basic {packed}":
            return None
        return Status(401, "", {"WWW-Authenticate": 'Basic realm="shop"'})

    registry.guard = guard
    name, _ = image_of(registry, 40_000)
    panel = GuidedExport(name, output="app.tar")
    with pytest.raises(LayerkitError):
        panel.run()
    (here / "mine.json").write_text(json.dumps({"auths": {registry.address: {"auth": packed}}}))
    panel.form.credentials.source.value = panel.form.credentials.source.options[-1][1]
    panel.form.credentials.file.value = "mine.json"
    assert panel.run().report.outcome == "sound"
    assert not [widget for widget in walk(panel) if isinstance(widget, ipw.Password) and widget.value]
    state = repr([widget.get_state() for widget in walk(panel)]) + panel._repr_html_() + panel.log.to_csv()
    assert "mine.json" in state
    assert secret not in state
    assert packed not in state


def test_docker_and_podman_files_are_offered_by_name(here: Path) -> None:
    config = here / "home" / ".docker" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    names = [name for name, _ in GuidedExport().form.credentials.source.options]
    assert names == ["as docker and podman keep them", f"only {config}", "a file …"]
    assert GuidedExport(authfile=str(config)).form.credentials.authfile == str(config)
    assert GuidedExport(authfile="other.json").form.credentials.authfile == "other.json"


def test_the_rarer_choices_are_carried_out(here: Path) -> None:
    panel = GuidedExport(f"{SHOP}:1.1", form="docker", outer="gzip", output="out.tar.gz", deep=False)
    assert not visible(panel.form.options.fold)
    panel.form.options.button.value = True
    assert visible(panel.form.options.fold)
    done = panel.run()
    assert done.plan.form == "docker"
    assert gzip.decompress((here / "out.tar.gz").read_bytes())[257:262] == b"ustar"
    assert panel.report is not None
    assert not panel.report.deep
    parts = GuidedExport(f"{SHOP}:1.1", split=2 << 20, output="parts.tar").run()
    assert [path.name for path in parts.paths] == ["parts.tar.000"]
    options = GuidedExport(ca="own.pem", insecure=True, mirrors=["a.example", "b.example"]).form.options
    assert options.access == {"insecure": True, "ca": "own.pem", "mirrors": ["a.example", "b.example"]}
    assert GuidedExport().form.options.access == {}


def test_what_was_changed_since_is_planned_again(base: Path) -> None:
    panel = GuidedExport(f"{SHOP}:1.1", output="out.tar")
    assert not panel.plan().is_delta
    panel.form.target.kind.value, panel.form.target.path.value = 2, str(base)
    assert panel.run().plan.is_delta


@pytest.mark.parametrize("output", ["base.tar", "./sub/../base.tar"])
def test_the_base_is_not_written_over(base: Path, here: Path, output: str) -> None:
    (here / "sub").mkdir()
    before = base.read_bytes()
    with pytest.raises(UsageError, match="is what this export reads from"):
        GuidedExport(f"{SHOP}:1.1", to=base, output=output).run()
    with pytest.raises(UsageError, match="is what this export reads from"):
        GuidedExport("docker-archive:base.tar", output=output).run()
    assert base.read_bytes() == before


@pytest.mark.parametrize("name", ["../../etc/passwd:1", "/etc/<b>:x", "...", "\u202etxt.exe:1"])
def test_a_name_for_the_archive_takes_little_from_the_image(name: str) -> None:
    plan = GuidedExport().plan()
    suggested = guided_export._suggestion(replace(plan, references=((name,),)))
    assert "/" not in suggested
    assert not suggested.startswith(".")
    assert suggested.isascii()
    assert "<" not in suggested
    assert suggested.endswith(".tar")


def test_one_thing_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = GuidedExport()
    planning, go_on = threading.Event(), threading.Event()

    def slow(*args: Any, **options: Any) -> Any:
        planning.set()
        assert go_on.wait(30)
        return plan_export(*args, **options)

    monkeypatch.setattr(guided_export, "plan_export", slow)
    panel.plan_button.click()
    assert planning.wait(30)
    assert panel.plan_button.disabled
    panel.plan_button.click()
    go_on.set()
    panel.wait(30)
    assert not panel.plan_button.disabled
    assert panel._plan is not None


def test_the_static_twin_is_the_plan_and_then_the_proof(base: Path) -> None:
    panel = GuidedExport(f"{SHOP}:1.1", to=base, output="delta.tar")
    assert "Nothing was planned yet" in panel._repr_html_()
    assert repr(panel) == f"GuidedExport(['{SHOP}:1.1'])"
    plan = panel.plan()
    assert plan._repr_html_().replace("travel.", "travel: under a second at 1 MB/s.") == panel._repr_html_()
    done = panel.run()
    bundle = panel._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert "lk-proof" in bundle["text/html"]
    assert "lk-proof" in done._repr_html_()


def test_every_control_has_a_label_and_no_view_needs_the_network(base: Path) -> None:
    panel = GuidedExport(f"{SHOP}:1.1", to=base)
    panel.run()
    controls = [w for w in walk(panel) if isinstance(w, ipw.ValueWidget | ipw.Button)]
    controls = [w for w in controls if not isinstance(w, ipw.HTML | ipw.FloatProgress)]
    assert len(controls) > 20
    assert [w for w in controls if not w.description] == []
    for widget in walk(panel):
        if isinstance(widget, ipw.HTML):
            for word in ("http://", "https://", "<script", "@import", "url("):
                assert word not in widget.value
